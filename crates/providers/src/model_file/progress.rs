//! What a person sees while the model is fetched: a bar on a terminal, plain lines elsewhere. All of it goes to stderr.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStyle {
    /// A bar that is drawn over and over, for a terminal.
    Bar,
    /// A line for each quarter, for logs.
    Lines,
    /// Nothing.
    Silent,
}

impl ProgressStyle {
    /// What suits this process's stderr.
    pub fn for_stderr() -> Self {
        if io::stderr().is_terminal() { Self::Bar } else { Self::Lines }
    }
}

/// One step with a known number of bytes.
pub(super) struct Progress {
    style: ProgressStyle,
    label: &'static str,
    bar: ProgressBar,
    total: u64,
    quarters: u64,
}

impl Progress {
    pub(super) fn new(style: ProgressStyle, label: &'static str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
        match style {
            ProgressStyle::Bar => {
                let template = "{msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}";
                if let Ok(template) = BarStyle::with_template(template) {
                    bar.set_style(template.progress_chars("=> "));
                }
                bar.set_message(label);
                bar.enable_steady_tick(Duration::from_millis(200));
            }
            ProgressStyle::Lines | ProgressStyle::Silent => bar.set_draw_target(ProgressDrawTarget::hidden()),
        }
        let progress = Self { style, label, bar, total, quarters: 0 };
        progress.line(&format!("{label} ({} MB)", megabytes(total)));
        progress
    }

    /// Shows that `bytes` of the total are there.
    pub(super) fn at(&mut self, bytes: u64) {
        self.bar.set_position(bytes.min(self.total));
        let quarters = (bytes * 4).checked_div(self.total).unwrap_or(0).min(3);
        if quarters > self.quarters {
            self.quarters = quarters;
            self.line(&format!("{} {} %", self.label, quarters * 25));
        }
    }

    /// Ends the step and takes the bar away.
    pub(super) fn done(self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        if self.style == ProgressStyle::Lines {
            // Nobody may be reading; the download goes on all the same.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Says one sentence, unless silent.
pub(super) fn say(style: ProgressStyle, text: &str) {
    if style != ProgressStyle::Silent {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Decimal megabytes, rounded up.
pub(super) const fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}
