//! Runs steps in sequence.

use tokio_util::sync::CancellationToken;

use super::step::{Step, StepName};

/// Executes single steps.
pub trait StepRunner {
    /// Executes a step. The runner reports errors.
    fn run_step(&self, step: &Step) -> impl Future<Output = StepOutcome>;
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// The step succeeded for all kernels.
    Succeeded,
    /// The step failed, at least for some kernels.
    Failed,
}

/// The result of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineOutcome {
    /// All steps succeeded.
    Succeeded,
    /// At least one step failed.
    Failed,
    /// The pipeline was canceled. The remaining steps were not executed.
    Interrupted,
}

/// Runs all steps. A failed step does not stop the next ones. After `stop` is canceled, no step is
/// started.
///
/// The steps fetch, build and test must observe the same interrupt, because they terminate commands
/// and record results. Other steps are dropped.
pub async fn run_steps(
    steps: &[Step],
    runner: &impl StepRunner,
    stop: &CancellationToken,
) -> PipelineOutcome {
    let mut outcome = PipelineOutcome::Succeeded;
    for step in steps {
        let mut running = Box::pin(runner.run_step(step));
        tokio::select! {
            result = &mut running => {
                if result == StepOutcome::Failed {
                    outcome = PipelineOutcome::Failed;
                }
            }
            () = stop.cancelled() => {
                if matches!(step.name(), StepName::Fetch | StepName::Build | StepName::Test) {
                    running.await;
                }
            }
        }
        if stop.is_cancelled() {
            return PipelineOutcome::Interrupted;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::available::Evidence;
    use crate::pipeline::{AvailableStep, BuildStep, CheckStep, CrawlTarget};
    use crate::runs::{BuildSpec, ExecutionOptions, RunSelection};

    /// Cancels the pipeline during a step, or fails at it.
    struct TestRunner {
        fails_at: Option<StepName>,
        stops_at: Option<StepName>,
        stop: CancellationToken,
        finished: Mutex<Vec<StepName>>,
    }

    impl StepRunner for TestRunner {
        async fn run_step(&self, step: &Step) -> StepOutcome {
            if self.stops_at == Some(step.name()) {
                self.stop.cancel();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.finished.lock().expect("no panic").push(step.name());
            if self.fails_at == Some(step.name()) {
                StepOutcome::Failed
            } else {
                StepOutcome::Succeeded
            }
        }
    }

    async fn run(
        fails_at: Option<StepName>,
        stops_at: Option<StepName>,
    ) -> (PipelineOutcome, Vec<StepName>) {
        let target = CrawlTarget::AptLists;
        let (revision, target_name, profile, distros) =
            ("1".to_owned(), "lab".to_owned(), None, vec![]);
        let steps = [
            Step::Check(CheckStep {
                distros: vec![],
                target,
            }),
            Step::Build(BuildStep {
                selection: RunSelection::default(),
                spec: BuildSpec::default(),
                execution: ExecutionOptions::new("true"),
            }),
            Step::Available(AvailableStep {
                revision,
                target: target_name,
                profile,
                distros,
                evidence: Evidence::Built,
            }),
        ];
        let stop = CancellationToken::new();
        let runner = TestRunner {
            fails_at,
            stops_at,
            stop: stop.clone(),
            finished: Mutex::default(),
        };
        let outcome = run_steps(&steps, &runner, &stop).await;
        (outcome, runner.finished.into_inner().expect("no panic"))
    }

    #[tokio::test]
    async fn a_failed_step_does_not_stop_the_next_ones() {
        let all = vec![StepName::Check, StepName::Build, StepName::Available];
        assert_eq!(
            run(None, None).await,
            (PipelineOutcome::Succeeded, all.clone())
        );
        assert_eq!(
            run(Some(StepName::Check), None).await,
            (PipelineOutcome::Failed, all)
        );
    }

    #[tokio::test]
    async fn an_interrupt_waits_only_for_steps_that_record_results() {
        assert_eq!(
            run(None, Some(StepName::Check)).await,
            (PipelineOutcome::Interrupted, vec![])
        );
        let finished = vec![StepName::Check, StepName::Build];
        assert_eq!(
            run(None, Some(StepName::Build)).await,
            (PipelineOutcome::Interrupted, finished)
        );
    }
}
