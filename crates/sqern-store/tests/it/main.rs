//! Packages built by code, right and hostile, unpacked into a folder; trees adapted and proved.

mod formats;
mod hostile;
mod limits;
mod prove;
mod round_trip;
mod several;
mod support;
mod tree;
