//! The program `sqern`: arguments in, exit status out.

use std::process::ExitCode;

use sqern::cli;
use sqern::error::CliError;
use sqern::printer::{Format, Printer, print_clap};
use sqern::settings::Settings;
use sqern_core::sandbox::run_launcher;

fn main() -> ExitCode {
    if let Some(code) = run_launcher(std::env::args_os()) {
        return code;
    }
    cli::complete();
    let config = Settings::read_config();
    let defaults = config.as_ref().ok().cloned().unwrap_or_default();
    let cli = match cli::parse(&defaults, std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            return match print_clap(&error) {
                Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(2)),
                Err(failure) => fail(&failure, Format::Table),
            };
        }
    };
    // psql replaces this program, and can use the files of the caller: psql -f <(command).
    if !cli.is_psql()
        && let Err(error) = start_stdio::set_close_on_exec()
    {
        let failure = CliError::from(error)
            .during("could not close inherited files in child processes")
            .hint("Mount /proc.");
        return fail(&failure, cli.output.format());
    }
    let settings = match config.and_then(Settings::from_environment) {
        Ok(settings) => settings,
        Err(failure) => return fail(&failure, cli.output.format()),
    };
    let printer = Printer::new(&settings, cli.output.format(), cli.output.verbosity());
    printer.show_events();
    // The TLS clients for PostgreSQL and HTTP use the default provider of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Each thread keeps the memory of its last decompression, so idle threads would only cost
    // memory.
    let threads = 2 + 2 * std::thread::available_parallelism().map_or(2, usize::from);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(cli::run(cli, &settings, &printer, terminate)));
    match outcome {
        Ok(status) => status.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit().into()
        }
    }
}

/// Ends the program after a signal.
fn terminate(signal: u8) -> ! {
    std::process::exit(128 + i32::from(signal));
}

/// Prints an error that precedes the settings.
fn fail(failure: &CliError, format: Format) -> ExitCode {
    Printer::plain(format).failure(failure);
    failure.exit().into()
}
