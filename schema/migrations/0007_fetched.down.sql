REVOKE DELETE ON kver_fetched FROM sqern_writer;
