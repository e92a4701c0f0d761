DROP TABLE crawl, kver_package;
