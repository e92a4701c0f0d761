//! The distributions that `sqern init` and `sqern distro import` add.

use sqern_db::distro::NewDistro;
use sqern_model::{DistroName, SourceSet};

use crate::error::CliError;

/// Returns the distributions of sp-variant with their support state, then other distributions with
/// a distribution file, which are not supported.
pub fn importable(sources: &SourceSet) -> Result<Vec<NewDistro>, CliError> {
    let mut distros = Vec::new();
    for variant in sp_variant::get_all_variants_in_order() {
        let name = DistroName::new(&*variant.builder.alias)
            .map_err(|error| CliError::failed(error.to_string()))?;
        distros.push(NewDistro {
            name,
            variant: variant.kind.as_ref().to_owned(),
            supported: variant.supported.repo,
        });
    }
    for def in sources.distros.values() {
        if !distros.iter().any(|distro| distro.name == def.name) {
            distros.push(NewDistro {
                name: def.name.clone(),
                variant: def.variant.clone(),
                supported: false,
            });
        }
    }
    Ok(distros)
}
