//! Who asks. One layer reads the credential of a request; the extractors say in a handler's signature what it needs.

mod cookie;
mod device;
mod identify;
mod principal;

pub(crate) use cookie::Cookie;
pub(crate) use device::Visitor;
pub(crate) use identify::{confirm, identify};
pub(crate) use principal::{Accounts, Administrator, Decider, Principal, SignedIn};
