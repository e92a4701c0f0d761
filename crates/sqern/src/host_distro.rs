//! Detection of the distribution of this host.

use sqern_core::os_release;
use sqern_model::{DistroName, SourceSet};

/// Detects the distribution with sp-variant, else with os-release(5) and the definitions of
/// distributions.
pub(crate) fn detect_distro(sources: &SourceSet) -> Result<DistroName, sqern_core::Error> {
    if let Ok(variant) = sp_variant::detect()
        && let Ok(name) = DistroName::new(variant.builder.alias)
    {
        return Ok(name);
    }
    os_release::detect_distro(sources)
}
