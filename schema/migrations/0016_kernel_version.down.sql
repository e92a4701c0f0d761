ALTER TABLE distro DROP CONSTRAINT distro_name_check;
ALTER TABLE kver DROP CONSTRAINT kver_version_check;
ALTER TABLE distro ADD CONSTRAINT distro_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$');
ALTER TABLE kver ADD CONSTRAINT kver_version_check CHECK (version ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$');
ALTER TABLE distro ADD CONSTRAINT distro_name_length_check CHECK (length(name) <= 256) NOT VALID;
ALTER TABLE kver ADD CONSTRAINT kver_version_length_check CHECK (length(version) <= 256) NOT VALID;
