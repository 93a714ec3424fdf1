//! A job message, and what the streams hold about its job.

use std::collections::HashMap;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Message, message::StreamMessage};
use serde_json::Value;
use throughline_example::{Fault, to_text};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

pub const ENDS: [&str; 3] = ["succeeded", "failed", "cancelled"];

/// All values of a header. Names are read in upper and lower case, because Go clients write `Traceparent`. The attributes of a
/// CloudEvent, `ce-…`, are decoded.
fn values(headers: Option<&HeaderMap>, name: &str) -> Vec<String> {
    let all = headers.into_iter().flat_map(HeaderMap::iter);
    let named = all.filter(|(key, _)| key.to_string().eq_ignore_ascii_case(name));
    let read = |value: &str| if name.starts_with("ce-") { decode(value) } else { value.to_owned() };
    named.flat_map(|(_, values)| values.iter().map(|value| read(value.as_str()))).collect()
}

/// The value of an attribute. A `%` that begins no byte shows that its writer did not encode it.
fn decode(value: &str) -> String {
    let mut parts = value.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else { return value.to_owned() };
        decoded.push(byte);
        decoded.extend(part.bytes().skip(2));
    }
    String::from_utf8(decoded).unwrap_or_default()
}

pub struct Job {
    pub tenant: String,
    pub id: String,
    pub operation: String,
    pub input: Value,
    pub max_attempts: Option<u64>,
    pub timeout_ms: Option<u64>,
    pub accepted_at: String,
    pub redrive_count: u64,
    /// From the first redrive on, all ids of the job end with this.
    pub suffix: String,
    /// Why the message cannot be read.
    pub fault: Option<String>,
    headers: HeaderMap,
}

impl Job {
    pub fn read(message: &Message, sequence: u64, stored: OffsetDateTime) -> Job {
        let headers = message.headers.clone().unwrap_or_default();
        let names = names_in(&message.subject);
        let unnamed = ("_unreadable".to_owned(), format!("seq-{sequence}"), "unknown".to_owned());
        let is_named = names.is_some();
        let (tenant, id, operation) = names.unwrap_or(unnamed);
        let mut job = Job {
            tenant,
            id,
            operation,
            input: Value::Null,
            max_attempts: None,
            timeout_ms: None,
            accepted_at: to_text(stored),
            redrive_count: 0,
            suffix: String::new(),
            fault: None,
            headers,
        };
        job.fault = job.read_rest(&message.payload).err();
        if !is_named {
            job.fault = Some("the subject is not that of a job".to_owned());
        }
        job
    }

    fn read_rest(&mut self, body: &[u8]) -> Result<(), String> {
        let accepted = self.header("ce-time").and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
        // In UTC it may have a year that no text has.
        if let Some(time) = accepted.and_then(|time| time.checked_to_offset(UtcOffset::UTC)) {
            self.accepted_at = to_text(time);
        }
        if let Ok(Some(count)) = self.limit("throughline-redrive-count", 999_999) {
            (self.redrive_count, self.suffix) = (count, format!(":{count}"));
        }
        if !body.is_empty() {
            self.input = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        }
        self.max_attempts = self.limit("throughline-max-attempts", 100)?;
        self.timeout_ms = self.limit("throughline-timeout-ms", 86_400_000)?;
        Ok(())
    }

    pub fn header(&self, name: &str) -> Option<String> {
        values(Some(&self.headers), name).into_iter().next()
    }

    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        self.header(name).filter(|text| !text.is_empty()).map(|text| text.split(',').map(str::to_owned).collect())
    }

    /// Where an end is told, if the caller wants that. A callback header that cannot be read means no callback.
    pub fn callback_for(&self, kind: &str) -> Option<String> {
        let wanted = self.header("throughline-callback-events").unwrap_or(ENDS.join(","));
        let mut wanted = wanted.split(',');
        let is_wanted = wanted.clone().any(|end| end == kind) && wanted.all(|end| ENDS.contains(&end));
        self.header("throughline-callback-url").filter(|url| is_wanted && is_address(url))
    }

    /// 64 hexadecimal digits. A header that does not fit counts as absent: no event can repeat it.
    pub fn fingerprint(&self) -> Option<String> {
        self.header("throughline-fingerprint").filter(|text| is_hex(text, 64))
    }

    /// The traces before each redrive. A header that does not fit counts as absent: no event can repeat it.
    pub fn previous_trace_ids(&self) -> Option<Vec<String>> {
        let fits = |ids: &Vec<String>| ids.len() <= 20 && ids.iter().all(|id| is_hex(id, 32));
        self.list("throughline-previous-trace-ids").filter(fits)
    }

    /// `high`, `normal` or `low`. A header that does not fit counts as absent: no event can repeat it.
    pub fn priority(&self) -> Option<String> {
        self.header("throughline-priority").filter(|text| ["high", "normal", "low"].contains(&text.as_str()))
    }

    /// Visible ASCII characters, with spaces only inside.
    pub fn ordering_key(&self) -> Option<String> {
        let fits = |text: &String| text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.trim() == text;
        self.header("throughline-ordering-key").filter(|text| (1..=128).contains(&text.len()) && fits(text))
    }

    pub fn tags(&self) -> Option<Vec<String>> {
        self.list("throughline-tags").filter(|tags| tags.len() <= 8 && tags.iter().all(|tag| is_tag(tag)))
    }

    /// A whole number from 1 to `most`.
    fn limit(&self, name: &str, most: u64) -> Result<Option<u64>, String> {
        let Some(text) = self.header(name) else { return Ok(None) };
        let is_whole = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if is_whole && number <= most => Ok(Some(number)),
            _ => Err(format!("{name} is not a whole number from 1 to {most}")),
        }
    }

    pub fn path(&self) -> String {
        format!("{}.{}", self.tenant, self.id)
    }

    /// The trace context of the message. Two `traceparent` headers are none. SDKs of CloudEvents write the context as attributes,
    /// which count, as a pair, where there is no `traceparent`.
    pub fn carrier(&self) -> HashMap<String, String> {
        let all = |name: &str| values(Some(&self.headers), name).join(",");
        let pair = if values(Some(&self.headers), "traceparent").is_empty() { "ce-" } else { "" };
        let parent = Some(all(&format!("{pair}traceparent"))).filter(|text| is_traceparent(text.trim()));
        let state = Some(all(&format!("{pair}tracestate"))).filter(|text| is_tracestate(text));
        let found = [("traceparent", parent), ("tracestate", state), ("baggage", Some(all("baggage")))];
        let there = found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        there.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The headers of its dead letter. Those that begin with `Nats-` command the server.
    pub fn kept_headers(&self) -> HeaderMap {
        let mut kept = HeaderMap::new();
        for (name, values) in self.headers.iter() {
            if !name.to_string().to_ascii_lowercase().starts_with("nats-") {
                values.iter().for_each(|value| kept.append(name.clone(), value.clone()));
            }
        }
        kept
    }
}

/// The tenant, the id and the operation in the subject of a job.
fn names_in(subject: &str) -> Option<(String, String, String)> {
    let parts: Vec<&str> = subject.splitn(6, '.').collect();
    let &[_, _, _, tenant, id, operation] = parts.as_slice() else { return None };
    let in_token = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let is_token = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(in_token);
    let in_word = |b: u8| in_token(b) && !b.is_ascii_uppercase();
    let is_word = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase()) && word.bytes().all(in_word);
    let fits = is_token(tenant) && is_token(id) && operation.split('.').all(is_word);
    fits.then(|| (tenant.to_owned(), id.to_owned(), operation.to_owned()))
}

/// Whether a text has the form of a `traceparent`. The library takes ids that are too short, and a `-` at the end.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(5, '-').collect();
    let fits = parts.iter().zip([2, 32, 16, 2]).all(|(part, length)| is_hex(part, length));
    // Versions after 00 may have more parts.
    fits && (parts.len() == 4 || parts.len() == 5 && parts[0] != "00")
}

/// The library checks the keys. It takes values that are empty or not ASCII, and lists of any length.
fn is_tracestate(text: &str) -> bool {
    let members: Vec<&str> = text.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
    let is_ascii = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    is_ascii && members.len() <= 32 && !members.iter().any(|member| member.ends_with('='))
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == length && text.bytes().all(is_digit)
}

/// Whether a text is an http or https URL in ASCII without user name, password and fragment.
fn is_address(text: &str) -> bool {
    // The library mends what is none: `https:a`, blanks and other letters.
    let is_plain = text.contains("://") && text.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b'\\');
    reqwest::Url::parse(text).is_ok_and(|url| {
        let has_more = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
        is_plain && ["http", "https"].contains(&url.scheme()) && !has_more
    })
}

fn is_tag(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_.:/=-".contains(&b);
    (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(fits)
}

/// The last event of a job (None: none since its last redrive), and its last cancel notice.
#[derive(Default)]
pub struct Record {
    pub last: Option<Value>,
    pub sequence: u64,
    pub is_unreadable: bool,
    pub cancel_sequence: Option<u64>,
}

impl Record {
    pub fn kind(&self) -> &str {
        self.last.as_ref().and_then(|last| last["kind"].as_str()).unwrap_or("")
    }

    /// Whether nothing may happen any more to the job of a message.
    pub fn is_over(&self, job: &Job) -> bool {
        ENDS.contains(&self.kind()) || self.last.as_ref().is_some_and(|last| redrives(last) > job.redrive_count)
    }
}

fn redrives(event: &Value) -> u64 {
    event["redriveCount"].as_u64().unwrap_or(0)
}

/// Asks the leaders of the streams, so what they answer is the last.
pub async fn read_record(events: &Stream, cancels: &Stream, job: &Job) -> Result<Record, Fault> {
    let notice = last_on(cancels, &format!("cancel.{}", job.path())).await?;
    let cancel_sequence = notice.and_then(|notice| notice_sequence(Some(&notice.headers)));
    let Some(stored) = last_on(events, &format!("events.{}", job.path())).await? else {
        return Ok(Record { cancel_sequence, ..Record::default() });
    };
    let event = serde_json::from_slice::<Value>(&stored.payload).ok();
    let event = event.filter(|event| event["kind"].is_string() && event["attempt"].is_u64());
    Ok(Record {
        sequence: stored.sequence,
        is_unreadable: event.is_none(),
        // An event from before the redrive says nothing about the attempts of this message. Its sequence counts all the same.
        last: event.filter(|event| redrives(event) >= job.redrive_count),
        cancel_sequence,
    })
}

pub fn notice_sequence(headers: Option<&HeaderMap>) -> Option<u64> {
    values(headers, "throughline-job-sequence").first()?.parse::<u64>().ok().filter(|sequence| *sequence < 1 << 53)
}

pub async fn last_on(stream: &Stream, subject: &str) -> Result<Option<StreamMessage>, Fault> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
