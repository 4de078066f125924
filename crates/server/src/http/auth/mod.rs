//! Who asks. One layer reads the credential of a request; the extractors say in a handler's signature what it needs.

mod principal;

pub(crate) use principal::{Administrator, Principal, identify};
