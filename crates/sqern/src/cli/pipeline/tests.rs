//! Tests that the command line of each step is parsed to the same input.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;
use proptest::option::of;
use proptest::prelude::*;
use sqern_core::available::Evidence;
use sqern_core::environment::VariableName;
use sqern_core::pipeline::{
    AvailableStep, BuildStep, CheckStep, CrawlTarget, FetchMethod, FetchStep, Step, TestStep,
};
use sqern_core::runs::{BuildSpec, ExecutionOptions, RunSelection, RunSpec, TestSpec};
use sqern_core::sandbox::Mode;
use sqern_model::{DistroName, KernelName};
use url::Url;

use crate::cli::available::AvailableCommand;
use crate::cli::build::BuildCommand;
use crate::cli::check::CheckArgs;
use crate::cli::fetch::FetchArgs;
use crate::cli::test::TestCommand;
use crate::cli::{Cli, Command, available};

/// Texts that are not empty, some with quotation marks and hyphens.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9.]{1,8}", "-{0,2}[ '\"$a-z=-]{0,6}x", "\\PC{0,4}é"]
}

fn path() -> impl Strategy<Value = PathBuf> {
    text().prop_map(PathBuf::from)
}

fn url() -> impl Strategy<Value = Url> {
    "http://mirror[a-z]{0,3}\\.example(/[a-z]{1,4}){0,2}"
        .prop_map(|text| text.parse().expect("a URL"))
}

fn distros() -> impl Strategy<Value = Vec<DistroName>> {
    proptest::collection::vec(
        "(debian|alma)[0-9]{1,2}".prop_map(|text| text.parse().expect("a distribution")),
        0..3,
    )
}

fn kernels() -> impl Strategy<Value = Vec<KernelName>> {
    let name = "(debian1[0-9]/)?6\\.[0-9]{1,2}\\.0-[0-9]-amd64";
    proptest::collection::vec(name.prop_map(|text| text.parse().expect("a kernel")), 0..3)
}

fn duration() -> impl Strategy<Value = Duration> {
    (1..1_000_000_u64).prop_flat_map(|number| {
        prop_oneof![
            Just(Duration::from_secs(number)),
            Just(Duration::from_millis(number)),
            Just(Duration::from_nanos(number))
        ]
    })
}

prop_compose! {
    fn selection()(
        revision in of(text()),
        target in of(text()),
        profile in of(text()),
        distros in distros(),
        kernels in kernels(),
        untried: bool,
    ) -> RunSelection {
        RunSelection { revision, target, profile, distros, kernels, untried }
    }
}

prop_compose! {
    fn execution()(
        command in text(),
        max_kernels in of(1..=u32::MAX),
        jobs in 1..5_u16,
        (time_limit, lease) in (
            prop_oneof![Just(ExecutionOptions::DEFAULT_TIME_LIMIT), duration()],
            prop_oneof![Just(ExecutionOptions::DEFAULT_LEASE), duration()],
        ),
        max_failures in of(1..=u32::MAX),
        (env, sandbox, writable, network) in (
            variables(),
            sandbox_mode(),
            proptest::collection::vec(path(), 0..3),
            any::<bool>(),
        ),
        (logs, store) in (of(path()), of(path())),
    ) -> ExecutionOptions {
        ExecutionOptions {
            command, max_kernels, jobs, time_limit, max_failures, lease, env, sandbox, writable, network, logs, store,
        }
    }
}

prop_compose! {
    fn build_spec()(change_id in of(text()), jenkins_job in of(text()), official: bool) -> BuildSpec {
        BuildSpec { change_id, jenkins_job, official }
    }
}

prop_compose! {
    fn test_spec()(build in of(any::<i64>()), flavor in of(text()), cluster in of(text())) -> TestSpec {
        TestSpec { build, flavor, cluster }
    }
}

fn check_step() -> impl Strategy<Value = Step> {
    let sources =
        (of(path()), of(url())).prop_map(|(directory, mirror_base)| CrawlTarget::Sources {
            directory,
            mirror_base,
        });
    let target = prop_oneof![Just(CrawlTarget::AptLists), sources];
    (distros(), target).prop_map(|(distros, target)| Step::Check(CheckStep { distros, target }))
}

fn fetch_step() -> impl Strategy<Value = Step> {
    let packages = (of("[a-z0-9_]{1,6}"), of(url()), any::<bool>()).prop_map(
        |(arch, mirror_base, allow_unverified)| FetchMethod::Packages {
            arch,
            mirror_base,
            allow_unverified,
        },
    );
    let method = prop_oneof![packages, text().prop_map(FetchMethod::Command)];
    (
        distros(),
        of(1..=u32::MAX),
        1..5_u16,
        method,
        variables(),
        of(sandbox_mode()),
        of(path()),
        of(path()),
    )
        .prop_map(
            |(distros, limit, jobs, method, env, sandbox, store, sources)| {
                let is_command = matches!(method, FetchMethod::Command(_));
                Step::Fetch(FetchStep {
                    distros,
                    limit,
                    jobs,
                    method,
                    env: if is_command { env } else { vec![] },
                    sandbox,
                    store,
                    sources,
                })
            },
        )
}

fn variables() -> impl Strategy<Value = Vec<VariableName>> {
    let name = "[A-Z_]{1,6}".prop_map(|text| text.parse().expect("a name"));
    proptest::collection::vec(name, 0..3)
}

fn sandbox_mode() -> impl Strategy<Value = Mode> {
    proptest::sample::select(Mode::ALL.to_vec())
}

fn available_step() -> impl Strategy<Value = Step> {
    let evidence = prop_oneof![
        Just(Evidence::Built),
        of(text()).prop_map(|flavor| Evidence::Tested { flavor })
    ];
    (text(), text(), of(text()), distros(), evidence).prop_map(
        |(revision, target, profile, distros, evidence)| {
            Step::Available(AvailableStep {
                revision,
                target,
                profile,
                distros,
                evidence,
            })
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        check_step(),
        fetch_step(),
        (selection(), build_spec(), execution()).prop_map(|(selection, spec, execution)| {
            Step::Build(BuildStep {
                selection,
                spec,
                execution,
            })
        }),
        (selection(), test_spec(), execution()).prop_map(
            |(selection, spec, execution)| Step::Test(TestStep {
                selection,
                spec,
                execution
            })
        ),
        available_step(),
    ]
}

fn assert_same(step: &Step, command: Command) {
    match (step, command) {
        (Step::Check(step), Command::Check(args)) => {
            assert_eq!(format!("{:?}", CheckArgs::from(step)), format!("{args:?}"));
        }
        (Step::Fetch(step), Command::Fetch(args)) => {
            assert_eq!(format!("{:?}", FetchArgs::from(step)), format!("{args:?}"));
        }
        (
            Step::Build(step),
            Command::Build(BuildCommand::Run {
                selection,
                build,
                execution,
            }),
        ) => {
            assert_eq!((&execution.comment, execution.dry_run), (&None, false));
            assert_eq!(
                (RunSelection::from(selection), RunSpec::from(build)),
                (step.selection.clone(), RunSpec::Build(step.spec.clone()))
            );
            assert_eq!(ExecutionOptions::from(execution), step.execution);
        }
        (
            Step::Test(step),
            Command::Test(TestCommand::Run {
                selection,
                test,
                execution,
            }),
        ) => {
            assert_eq!((&execution.comment, execution.dry_run), (&None, false));
            assert_eq!(
                (RunSelection::from(selection), RunSpec::from(test)),
                (step.selection.clone(), RunSpec::Test(step.spec.clone()))
            );
            assert_eq!(ExecutionOptions::from(execution), step.execution);
        }
        (Step::Available(step), Command::Available(AvailableCommand::Add(args))) => {
            assert_eq!(
                format!("{:?}", available::Which::from(step)),
                format!("{args:?}")
            );
        }
        (step, command) => panic!("{step:?} was parsed as {command:?}"),
    }
}

proptest! {
    #[test]
    fn command_lines_of_steps_are_parsed_to_the_same_input(step in step()) {
        let arguments = [vec!["sqern".to_owned()], step.arguments()].concat();
        let cli = Cli::try_parse_from(&arguments).map_err(|error| TestCaseError::fail(format!("{arguments:?}: {error}")))?;
        assert_same(&step, cli.command);
    }
}
