//! Shell completions and manual pages, generated from the definition of the command line.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::complete::registration;
use super::{Cli, Context};
use crate::error::{CliError, ExitStatus};

/// Print a completion script for a shell
///
/// The script requests completions from sqern, also of distributions, kernels, clusters, builds and
/// test runs. Packages install the scripts for bash, zsh and fish.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mkdir -p ~/.local/share/bash-completion/completions
  sqern completions bash > ~/.local/share/bash-completion/completions/sqern
  sqern completions zsh > \"${fpath[1]}/_sqern\"
  sqern completions fish > ~/.config/fish/completions/sqern.fish")]
pub(super) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Existing directory to write the pages to
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Date of the pages, such as 2026-01-31
    #[arg(long, value_name = "DATE", default_value = "")]
    date: String,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let script = registration(&args.shell.to_string())?.ok_or_else(|| {
        CliError::failed(format!(
            "could not create completions: {} is not supported",
            args.shell
        ))
    })?;
    context.printer.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Success)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitStatus, CliError> {
    let failed = |error: io::Error| {
        CliError::failed(format!(
            "could not write manual pages to {}: {error}",
            args.dir.display()
        ))
    };
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    write_pages(&program, args).map_err(failed)?;
    Ok(ExitStatus::Success)
}

/// Writes the pages of a command and its subcommands.
fn write_pages(command: &Command, args: &ManArgs) -> io::Result<()> {
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
    {
        write_pages(subcommand, args)?;
    }
    // The paragraphs at the end of the help become sections of the page.
    let paragraphs = command
        .get_after_long_help()
        .or(command.get_after_help())
        .map(ToString::to_string)
        .unwrap_or_default();
    let page = Man::new(command.clone())
        .date(&args.date)
        .manual("sqern")
        .source(concat!("sqern ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command
        .get_subcommands()
        .any(|subcommand| !subcommand.is_hide_set())
    {
        page.render_subcommands_section(&mut text)?;
    }
    text.extend(sections(&paragraphs).into_bytes());
    std::fs::write(args.dir.join(page.get_filename()), text)
}

/// Returns the paragraphs of a text as sections of a manual page. The text before the colon is the
/// heading, and lines are not filled.
fn sections(text: &str) -> String {
    let mut page = String::new();
    for paragraph in text.split("\n\n") {
        let (heading, body) = match paragraph.split_once(':') {
            Some((heading, body)) if heading.len() <= 20 && !heading.contains('\n') => {
                (heading, body)
            }
            _ => ("Notes", paragraph),
        };
        let body = body.strip_prefix(" ").unwrap_or(body);
        let lines = body.trim_matches('\n').lines().map(|line| {
            format!(
                "{}\n",
                escape(line.strip_prefix("  ").unwrap_or(line).trim_end())
            )
        });
        if !body.trim().is_empty() {
            page.push_str(&format!(
                ".SH {}\n.nf\n{}.fi\n",
                heading.to_uppercase(),
                lines.collect::<String>()
            ));
        }
    }
    page
}

/// Escapes a line for roff (groff_man_style(7)), so that it contains no request, and a copied
/// command is valid.
fn escape(line: &str) -> String {
    let line = line
        .trim_start_matches('\n')
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('^', "\\(ha");
    let line = line.replace('~', "\\(ti").replace('`', "\\(ga");
    if line.starts_with('.') {
        format!("\\&{line}")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_help_become_sections_of_manual_pages() {
        let text = "Examples:\n  sqern check   # 'all'\n  .x ~/a\\b\n\nExit status: 0 done, 1 not.\n\nNo heading here\nat all: so.";
        assert_eq!(
            sections(text),
            ".SH EXAMPLES\n.nf\nsqern check   # \\(aqall\\(aq\n\\&.x \\(ti/a\\eb\n.fi\n.SH EXIT STATUS\n.nf\n0 done, 1 not.\n.fi\n\
             .SH NOTES\n.nf\nNo heading here\nat all: so.\n.fi\n"
        );
        assert_eq!(sections(""), "");
    }
}
