//! Data types of sqern, and rules for them: distributions, kernel versions, upstream sources,
//! crawls and patterns.
//!
//! All functions are pure. They access no file, socket, clock or environment, so that every other
//! crate can depend on this one.

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
#[cfg(feature = "postgres")]
mod postgres;
pub mod run;
pub mod source;
pub mod upstream;

pub use at::{At, InvalidAt, parse_age};
pub use count::{counted, grouped, join_some, size};
pub use crawl::{
    CACHED_INDEX_BYTES, CachedFile, CachedIndex, CachedMetadata, Crawl, CrawlCache, CrawlState,
    InvalidCrawlState, InvalidPackageRole, KernelPackage, Package, PackageRole,
};
pub use cust::{ClusterName, HostName, InvalidHost, ReportedHost, Shrink, TypeWord};
pub use diagnostic::Diagnostic;
pub use kernel::{Kernel, KernelVersion};
pub use lag::{Progress, Spread, StageTimes, Step};
pub use name::{DistroName, InvalidName};
pub use order::{VersionRule, newest_first};
pub use pattern::{Glob, LikePattern};
pub use run::{
    InvalidKernelResult, InvalidRunResult, KernelName, KernelResult, RunKind, RunResult,
};
pub use source::{
    AptSource, DistroDef, KernelRule, PackageFacts, RpmMdSource, SignaturePolicy, Source,
    SourceError, SourceFile, SourceSet, is_fingerprint,
};
