//! The distributions of sp-variant, and the distribution of this machine.

use sqern_db::distro::NewDistro;
use sqern_model::{DistroName, InvalidName, SourceSet};

use crate::failure::Failure;

/// Returns the distributions of sp-variant, then those that only a source defines. Only sp-variant marks distributions as supported.
pub fn importable(sources: &SourceSet) -> Result<Vec<NewDistro>, Failure> {
    let mut distros = Vec::new();
    for variant in sp_variant::get_all_variants_in_order() {
        let name = DistroName::new(&*variant.builder.alias).map_err(|error| invalid_name(&error))?;
        distros.push(NewDistro { name, variant: variant.kind.as_ref().to_owned(), supported: variant.supported.repo });
    }
    for def in sources.distros.values() {
        if !distros.iter().any(|distro| distro.name == def.name) {
            distros.push(NewDistro { name: def.name.clone(), variant: def.variant.clone(), supported: false });
        }
    }
    Ok(distros)
}

/// Returns the distribution of this machine by sp-variant, else by `ID` and `VERSION_ID` of os-release(5) and the sources.
pub fn detect(sources: &SourceSet, (id, version_id): &(String, String)) -> Result<DistroName, Failure> {
    if let Ok(variant) = sp_variant::detect() {
        return DistroName::new(variant.builder.alias).map_err(|error| invalid_name(&error));
    }
    let def = sources.detect(id, version_id);
    def.map(|def| def.name.clone()).ok_or_else(|| {
        Failure::unmet(format!("unknown distribution of this machine: os-release contains ID={id} VERSION_ID={version_id}"))
    })
}

fn invalid_name(error: &InvalidName) -> Failure {
    Failure::unmet(error.to_string())
}
