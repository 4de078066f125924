//! The time, here or elsewhere.

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{About, Call, Tool, ToolError};

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub struct CurrentTime;

/// Where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Args {
    /// A name of the IANA time zone database, for instance `Europe/Berlin`. Without it: UTC.
    time_zone: Option<String>,
}

/// The time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// RFC 3339, with the zone's offset.
    time: String,
    /// The day of the week, in English.
    weekday: String,
    /// The time zone.
    time_zone: String,
}

#[async_trait]
impl Tool for CurrentTime {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        let description = "Tells the current date and time, in UTC or in a time zone.";
        About::read_only("current_time", "Current time", description)
    }

    async fn run(&self, args: Args, _: &Call) -> Result<Output, ToolError> {
        at(Timestamp::now(), args.time_zone.as_deref().unwrap_or("UTC"))
    }
}

fn at(now: Timestamp, zone: &str) -> Result<Output, ToolError> {
    let unknown = |_| {
        let message = format!("There is no time zone {zone:?}. Names look like Europe/Berlin or America/New_York.");
        ToolError::new("unknown_time_zone", message)
    };
    let local = now.to_zoned(TimeZone::get(zone).map_err(unknown)?);
    Ok(Output {
        time: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        weekday: local.strftime("%A").to_string(),
        time_zone: zone.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_moment_has_another_name_elsewhere() {
        let moment: Timestamp = "2026-07-01T22:30:00Z".parse().unwrap();
        let berlin = at(moment, "Europe/Berlin").unwrap();
        assert_eq!((berlin.time.as_str(), berlin.weekday.as_str()), ("2026-07-02T00:30:00+02:00", "Thursday"));
        assert_eq!(at(moment, "UTC").unwrap().time, "2026-07-01T22:30:00+00:00");
        assert_eq!(at(moment, "Mars/Olympus").unwrap_err().code, "unknown_time_zone");
    }
}
