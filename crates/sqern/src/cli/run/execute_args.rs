//! The options of `build run` and `test run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sqern_core::environment::VariableName;
use sqern_core::input::{parse_command, parse_duration};
use sqern_core::runs::ExecutionOptions;
use sqern_core::sandbox::Mode;

use crate::cli::sandbox_args::sandbox_mode;
use crate::cli::store_args::StoreArgs;

/// Options of `build run` and `test run`.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ExecuteArgs {
    /// Shell command to run for each kernel
    #[arg(long, value_name = "CMD", value_parser = parse_command)]
    command: String,
    /// Maximum number of kernels [default: all of the plan]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Number of kernels to process in parallel [default: 2]
    #[arg(long, value_name = "N", default_value = "2", hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Time limit of the command for one kernel
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    time_limit: Duration,
    /// Stop a build or test run after this number of results other than SUCCESS, and record its
    /// remaining kernels as NOT_BUILT
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: Option<u32>,
    /// Directory of logs [default: $SQERN_LOGS, else /var/log/sqern (root) or
    /// ~/.local/state/sqern/logs]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Lease duration; sqern renews the lease while it runs
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    lease: Duration,
    /// Environment variable of the command (repeatable) [default: PATH, HOME, LANG, LC_*, TZ,
    /// TMPDIR, USER, LOGNAME and SHELL]
    #[arg(long = "env", value_name = "NAME")]
    env: Vec<VariableName>,
    /// Sandbox of the command: require (bubblewrap), auto (the best available) or off [default: off]
    #[arg(long, value_name = "MODE", default_value = "off", hide_default_value = true, value_parser = sandbox_mode())]
    sandbox: Mode,
    /// Path that the command can write in a sandbox (repeatable)
    #[arg(long, value_name = "PATH", requires = "sandbox")]
    writable: Vec<PathBuf>,
    /// Allow network access in a sandbox
    #[arg(long, requires = "sandbox")]
    network: bool,
    #[command(flatten)]
    store: StoreArgs,
    /// Comment of the generations [default: the command line without the value of --command]
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) comment: Option<String>,
    /// Print the kernels without running the command
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

impl From<ExecuteArgs> for ExecutionOptions {
    fn from(args: ExecuteArgs) -> Self {
        Self {
            command: args.command,
            max_kernels: args.limit,
            jobs: args.jobs,
            time_limit: args.time_limit,
            max_failures: args.max_failures,
            lease: args.lease,
            env: args.env,
            sandbox: args.sandbox,
            writable: args.writable,
            network: args.network,
            logs: args.logs,
            store: args.store.dir,
        }
    }
}
