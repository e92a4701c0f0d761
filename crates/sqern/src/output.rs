//! Texts and JSON fields of the results of use cases.

pub mod doctor;
pub mod load;
