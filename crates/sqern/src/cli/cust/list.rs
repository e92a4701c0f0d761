//! `sqern cust list`: lists clusters.

use sqern_db::cust::{self, Cluster};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

impl Record for Cluster {
    const SCHEMA: &'static str = "cust.list/1";
    const COLUMNS: &'static [&'static str] = &["name", "type", "hosts", "kernels", "deleted_at"];
    fn cells(&self) -> Vec<String> {
        vec![self.name.to_string(), self.cltype.clone(), self.hosts.to_string(), self.kernels.to_string(), time(self.deleted_at)]
    }
}

pub(super) async fn run(all: bool, at: &AtArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let (session, as_of) = super::begin(at, context).await?;
    at::list(context, &cust::list(&session.client, all, &as_of).await?, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}
