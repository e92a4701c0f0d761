//! Distributions and their build variants: table `distro`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::DistroName;

use crate::decode::{execute, from_row, query_rows, query_values};
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient, Subject};

/// A distribution and the number of its kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Distro {
    /// The name of the distribution.
    pub name: DistroName,
    /// The build variant of sp-variant.
    pub variant: String,
    /// Whether the product supports the distribution.
    pub supported: bool,
    /// The number of recorded kernel versions.
    pub kernels: i64,
    /// The time of the newest check, also in a past state; null without a check.
    pub checked_at: Option<Timestamp>,
}

from_row!(Distro {
    name,
    variant,
    supported,
    kernels,
    checked_at
});

/// A distribution to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NewDistro {
    /// The name of the distribution.
    pub name: DistroName,
    /// The build variant of sp-variant, or a name of the same form.
    pub variant: String,
    /// Whether the product supports the distribution.
    pub supported: bool,
}

/// Returns all distributions by name.
pub async fn list(client: &impl SqlClient, as_of: &AsOf) -> Result<Vec<Distro>, DbError> {
    query_rows(
        client,
        &as_of.query(include_str!("../queries/distro_list.sql")),
        &[],
    )
    .await
}

/// Returns the distribution with this name.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] with similar names if there is none.
pub async fn get(client: &impl SqlClient, name: &DistroName) -> Result<Distro, DbError> {
    let mut distros = list(client, &AsOf::Now).await?;
    match distros.iter().position(|distro| distro.name == *name) {
        Some(index) => Ok(distros.swap_remove(index)),
        None => Err(unknown(name, distros.iter().map(|distro| &distro.name))),
    }
}

/// Returns an error with similar names if a distribution does not exist.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] for the first name that does not exist.
pub async fn require(
    client: &impl SqlClient,
    names: &[DistroName],
    as_of: &AsOf,
) -> Result<(), DbError> {
    if names.is_empty() {
        return Ok(());
    }
    let existing: Vec<DistroName> =
        query_values(client, &as_of.query("SELECT name FROM distro"), &[]).await?;
    match names.iter().find(|name| !existing.contains(name)) {
        None => Ok(()),
        Some(name) => Err(unknown(name, &existing)),
    }
}

fn unknown<'a>(name: &DistroName, existing: impl IntoIterator<Item = &'a DistroName>) -> DbError {
    let near = similar_names(name.as_str(), existing.into_iter().map(DistroName::as_str));
    DbError::Unknown {
        subject: Subject::Distro,
        got: name.to_string(),
        near,
    }
}

/// Records the distributions that do not exist, and returns their names. Existing distributions do
/// not change.
pub async fn import(
    client: &impl SqlClient,
    distros: &[NewDistro],
) -> Result<Vec<DistroName>, DbError> {
    let names: Vec<&DistroName> = distros.iter().map(|distro| &distro.name).collect();
    let variants: Vec<&str> = distros
        .iter()
        .map(|distro| distro.variant.as_str())
        .collect();
    let supported: Vec<bool> = distros.iter().map(|distro| distro.supported).collect();
    let insert = "INSERT INTO distro (name, variant, supported) SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[])
         ON CONFLICT (name) DO NOTHING RETURNING name";
    query_values(client, insert, &[&names, &variants, &supported]).await
}

/// Records a distribution that does not exist yet.
///
/// # Errors
///
/// Returns [`DbError::Exists`] if the distribution exists.
pub async fn add(client: &impl SqlClient, distro: &NewDistro) -> Result<(), DbError> {
    if import(client, std::slice::from_ref(distro))
        .await?
        .is_empty()
    {
        return Err(DbError::Exists {
            subject: Subject::Distro,
            got: distro.name.to_string(),
        });
    }
    Ok(())
}

/// Changes the fields that are specified.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the distribution does not exist.
pub async fn set(
    client: &impl SqlClient,
    name: &DistroName,
    variant: Option<&str>,
    supported: Option<bool>,
) -> Result<(), DbError> {
    require(client, std::slice::from_ref(name), &AsOf::Now).await?;
    let update = "UPDATE distro SET variant = coalesce($2, variant), supported = coalesce($3, supported) WHERE name = $1";
    execute(client, update, &[name, &variant, &supported]).await?;
    Ok(())
}
