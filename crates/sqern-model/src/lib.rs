//! What sqern speaks of: distributions, kernel versions, upstream sources, crawls, patterns.
//!
//! Everything here is a value or a pure function: no file, socket, clock or environment is touched, so that every other
//! crate may depend on it and every rule can be tested by itself.

pub mod at;
pub mod count;
pub mod crawl;
pub mod cust;
pub mod diagnostic;
pub mod escape;
pub mod kernel;
pub mod lag;
pub mod name;
pub mod order;
pub mod pattern;
pub mod run;
pub mod source;
pub mod upstream;

pub use at::{At, InvalidAt};
pub use count::{counted, grouped, size};
pub use crawl::{CachedFile, CachedIndex, CachedMetadata, Crawl, CrawlCache, CrawlState, KernelPackage, PackageRole};
pub use cust::{ClusterName, HostName, InvalidHost, ReportedHost, Shrink, TypeWord};
pub use diagnostic::Diagnostic;
pub use kernel::{Kernel, KernelVersion};
pub use lag::{Progress, Spread, StageTimes, Step};
pub use name::{DistroName, InvalidName};
pub use order::VersionRule;
pub use pattern::{Glob, LikePattern};
pub use run::{InvalidKernelResult, KernelName, KernelResult, NotAResult, RunKind, RunResult};
pub use source::{
    AptSource, DistroDef, KernelRule, PackageFacts, RpmMdSource, SignaturePolicy, Source, SourceError, SourceFile, SourceSet,
};
