DROP TABLE sp_available_kver, sp_test_result, sp_test_kver, sp_test, sp_build_kver, sp_build, cust_host_kver, cust_cluster,
    cust_cluster_type, kver_ignored, kver_ignore, kver_fetched, kver_seen, kver, distro, event, generation;
