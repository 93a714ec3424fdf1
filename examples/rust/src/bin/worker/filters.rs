//! Which operations the worker takes, as filters of its consumers.

use async_nats::jetstream::consumer::Config;

/// Reads a comma list; `image.*` means `image.>`, as for workers in Node.
pub fn read(written: &str) -> Vec<String> {
    let mut all: Vec<String> = written.split(',').map(|name| one(name.trim())).collect();
    all.sort();
    all.dedup();
    all
}

fn one(name: &str) -> String {
    name.strip_suffix('*').map_or_else(|| name.to_owned(), |prefix| format!("{prefix}>"))
}

/// The filters of the consumer of a lane. That for all operations has a spelling of its own.
pub fn subjects(filters: &[String], priority: &str, lane: &str) -> Vec<String> {
    let end = |filter: &String| if filter == ">" { filter.clone() } else { format!("*.*.{filter}") };
    filters.iter().map(|filter| format!("jobs.{priority}.{lane}.{}", end(filter))).collect()
}

/// Whether a consumer has these filters, in any order.
pub fn are_those_of(config: &Config, subjects: &[String]) -> bool {
    let one = vec![config.filter_subject.clone()];
    let mut there = if config.filter_subjects.is_empty() { one } else { config.filter_subjects.clone() };
    there.sort();
    let mut wanted = subjects.to_vec();
    wanted.sort();
    there == wanted
}

/// Whether one of the filters takes an operation.
pub fn take(filters: &[String], operation: &str) -> bool {
    let takes = |filter: &String| filter.strip_suffix('>').map_or(operation == filter, |prefix| operation.starts_with(prefix));
    filters.iter().any(takes)
}
