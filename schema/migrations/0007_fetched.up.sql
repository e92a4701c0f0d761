-- checksum: 857b04d3d88fde9966aa28cf16e24e7e9a6e625b770d6c4879ab556623f8ed86
-- A missing or damaged tree is fetched again. A writer therefore must be able to delete the row of the kernel.
GRANT DELETE ON kver_fetched TO sqern_writer;
