-- A tree that is gone or broken is fetched again: whoever writes must be able to say that a kernel is no longer fetched.
GRANT DELETE ON kver_fetched TO sqern_writer;
