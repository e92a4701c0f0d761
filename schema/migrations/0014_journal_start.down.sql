DROP TABLE journal_baseline, journal_start;
