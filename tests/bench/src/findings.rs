//! What was found, as one table.

use std::{fmt, time::Duration};

/// What became of an experiment.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) experiment: &'static str,
    pub(crate) rows: Vec<Row>,
    /// What must not be: the figures are then of calls that were not sound.
    pub(crate) faults: Vec<String>,
}

impl Findings {
    /// Nothing found yet.
    pub(crate) fn of(experiment: &'static str) -> Self {
        Self { experiment, ..Self::default() }
    }

    /// A fault, unless one is the other.
    pub(crate) fn must_be<T: Copy + PartialEq + fmt::Debug>(&mut self, what: &str, is: T, must: T) {
        if is != must {
            self.faults.push(format!("{}: {what}: {is:?}, must be {must:?}", self.experiment));
        }
    }

    /// A fault, if it is more.
    pub(crate) fn must_be_at_most<T: Copy + PartialOrd + fmt::Debug>(&mut self, what: &str, is: T, bound: T) {
        if is > bound {
            self.faults.push(format!("{}: {what}: {is:?}, at most {bound:?}", self.experiment));
        }
    }

    /// A fault, if there are any.
    pub(crate) fn must_be_none<T: fmt::Display>(&mut self, what: &str, all: &[T]) {
        if let Some(first) = all.first() {
            self.faults.push(format!("{}: {what}: {}, the first: {first}", self.experiment, all.len()));
        }
    }

    /// Adds those of another.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.faults.extend(other.faults);
    }
}

/// How a figure stands to its bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// There is no bar.
    Told,
    /// This process was late, so the figure is partly its own.
    Unsound,
}

impl Verdict {
    /// Met by what is no more than the bar.
    pub(crate) fn at_most<T: Copy + PartialOrd>(figure: T, bar: T) -> Self {
        if figure <= bar { Self::Met } else { Self::Missed }
    }

    /// The same of a turn in which this process was so late at most.
    #[must_use]
    pub(crate) fn if_punctual(self, late: Duration) -> Self {
        if late > TOO_LATE { Self::Unsound } else { self }
    }
}

/// Callers who are later than a packet are no yardstick.
pub(crate) const TOO_LATE: Duration = Duration::from_millis(20);

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::Told => "",
            Self::Unsound => "unsound",
        })
    }
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    /// Of the foreign counterpart, where there is one.
    pub(crate) theirs: String,
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: String,
    pub(crate) verdict: Verdict,
    /// Microseconds and the like, which don't travel from machine to machine.
    pub(crate) absolute: String,
}

impl Row {
    /// A row of a figure alone.
    pub(crate) fn new(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ours: ours.into(),
            theirs: String::new(),
            ratio: None,
            bar: String::new(),
            verdict: Verdict::Told,
            absolute: String::new(),
        }
    }

    /// With its bar.
    #[must_use]
    pub(crate) fn bar(self, bar: impl Into<String>, verdict: Verdict) -> Self {
        Self { bar: bar.into(), verdict, ..self }
    }

    /// Beside a foreign program.
    #[must_use]
    pub(crate) fn beside(self, theirs: impl Into<String>, ratio: Option<f64>) -> Self {
        Self { theirs: theirs.into(), ratio, ..self }
    }

    /// In absolute figures.
    #[must_use]
    pub(crate) fn absolute(self, absolute: impl Into<String>) -> Self {
        Self { absolute: absolute.into(), ..self }
    }

    fn cells(&self) -> [String; 7] {
        let ratio = self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let texts = [&self.what, &self.ours, &self.theirs, &ratio, &self.bar];
        let [what, ours, theirs, ratio, bar] = texts.map(Clone::clone);
        [what, ours, theirs, ratio, bar, self.verdict.to_string(), self.absolute.clone()]
    }
}

/// All rows under one head.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            ["experiment", "gateway", "counterpart", "ratio", "bar", "", "absolute"].map(str::to_owned);
        let lines: Vec<[String; 7]> = std::iter::once(head).chain(self.0.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        for line in &lines {
            let cells: Vec<String> =
                line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// The one that half of them are below.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

/// Times, sorted.
#[derive(Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Of these.
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort();
        Self(times)
    }

    /// How many.
    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    /// That which so many in a hundred don't exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The longest.
    pub(crate) fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, all] = [self.percentile(50), self.percentile(99), self.max()].map(millis);
        write!(f, "p50 {half:.1}, p99 {most:.1}, max {all:.1} ms")
    }
}

/// In milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts of what happens in minutes")]
pub(crate) const fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_that_so_many_do_not_exceed() {
        let times = Times::of((1..=200).rev().map(Duration::from_millis));
        let told = [50, 99, 100].map(|percent| times.percentile(percent).as_millis());
        assert_eq!((told, times.max().as_millis()), ([100, 198, 200], 200));
        assert_eq!(Times::of([]).percentile(99), Duration::ZERO);
    }

    #[test]
    fn a_median_of_an_even_number_is_between_two() {
        let cases = [(vec![], 0.0), (vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 3.0], 2.5)];
        for (figures, expected) in cases {
            assert!((median(figures.clone()) - expected).abs() < f64::EPSILON, "{figures:?}");
        }
    }
}
