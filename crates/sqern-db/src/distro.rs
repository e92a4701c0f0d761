//! The distributions: table `distro`.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::DistroName;
use tokio_postgres::{GenericClient, Row};

use crate::{AsOf, DbError, text};

/// One row of `distro`, with how many kernels it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Distro {
    /// Its name.
    pub name: DistroName,
    /// sp-variant's build variant.
    pub variant: String,
    /// Whether the product supports it.
    pub supported: bool,
    /// How many kernel versions are known.
    pub kernels: i64,
    /// When its upstream was last checked, as of now; none where it never was.
    pub checked_at: Option<Timestamp>,
}

/// A distribution to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewDistro {
    /// Its name.
    pub name: DistroName,
    /// sp-variant's build variant, or a name in its style.
    pub variant: String,
    /// Whether the product supports it.
    pub supported: bool,
}

/// All distributions, by name.
pub async fn list(client: &impl GenericClient, as_of: &AsOf) -> Result<Vec<Distro>, DbError> {
    let rows = client.query(&as_of.query(include_str!("../queries/distro_list.sql")), &[]).await?;
    rows.iter().map(from_row).collect()
}

/// The distribution of this name; an error that names its likes when there is none.
pub async fn get(client: &impl GenericClient, name: &DistroName) -> Result<Distro, DbError> {
    find(&list(client, &AsOf::Now).await?, name).cloned()
}

/// Whether there was a distribution of each of these names; an error that names the likes of one when there was not.
pub async fn require(client: &impl GenericClient, names: &[DistroName], as_of: &AsOf) -> Result<(), DbError> {
    if !names.is_empty() {
        let all = list(client, as_of).await?;
        names.iter().try_for_each(|name| find(&all, name).map(drop))?;
    }
    Ok(())
}

fn find<'a>(all: &'a [Distro], name: &DistroName) -> Result<&'a Distro, DbError> {
    all.iter().find(|distro| distro.name == *name).ok_or_else(|| DbError::Unknown {
        what: "distribution",
        got: name.to_string(),
        near: text::nearest(name.as_str(), all.iter().map(|distro| distro.name.as_str())),
    })
}

/// Records what is not there yet; what is there stays as it is. Returns the names that were added.
pub async fn import(client: &impl GenericClient, distros: &[NewDistro]) -> Result<Vec<String>, DbError> {
    let names: Vec<&str> = distros.iter().map(|distro| distro.name.as_str()).collect();
    let variants: Vec<&str> = distros.iter().map(|distro| distro.variant.as_str()).collect();
    let supported: Vec<bool> = distros.iter().map(|distro| distro.supported).collect();
    let rows = client
        .query(
            "INSERT INTO distro (name, variant, supported) SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[])
             ON CONFLICT (name) DO NOTHING RETURNING name",
            &[&names, &variants, &supported],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Records one distribution; an error when it is there already.
pub async fn add(client: &impl GenericClient, distro: &NewDistro) -> Result<(), DbError> {
    if import(client, std::slice::from_ref(distro)).await?.is_empty() {
        return Err(DbError::Exists { what: "distribution", got: distro.name.to_string() });
    }
    Ok(())
}

/// Changes what is `Some`.
pub async fn set(
    client: &impl GenericClient,
    name: &DistroName,
    variant: Option<&str>,
    supported: Option<bool>,
) -> Result<(), DbError> {
    get(client, name).await?;
    client
        .execute(
            "UPDATE distro SET variant = coalesce($2, variant), supported = coalesce($3, supported) WHERE name = $1",
            &[&name.as_str(), &variant, &supported],
        )
        .await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<Distro, DbError> {
    Ok(Distro {
        name: text::distro(row.get(0))?,
        variant: row.get(1),
        supported: row.get(2),
        kernels: row.get(3),
        checked_at: row.get(4),
    })
}
