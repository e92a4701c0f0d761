//! `sqern cust type list`: lists cluster types.

use sqern_db::cust::{self, ClusterType};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::Record;

impl Record for ClusterType {
    const SCHEMA: &'static str = "cust.type.list/1";
    const COLUMNS: &'static [&'static str] = &["id", "name", "clusters"];
    fn cells(&self) -> Vec<String> {
        vec![self.id.to_string(), self.name.clone(), self.clusters.to_string()]
    }
}

pub(super) async fn run(at: &AtArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let (session, as_of) = super::begin(at, context).await?;
    at::list(context, &cust::types(&session.client, &as_of).await?, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}
