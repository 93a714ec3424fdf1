//! What the worker and the producer share: traces over OTLP, and the time as text.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::{Context, global};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use time::OffsetDateTime;

pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT, and the resource OTEL_SERVICE_NAME. `shutdown` of what this returns sends
/// the last spans. The exporter is a blocking one with a thread of its own: call this outside of the async runtime.
pub fn start_tracing() -> Result<SdkTracerProvider, Fault> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let config = BatchConfigBuilder::default().with_scheduled_delay(Duration::from_millis(500)).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    Ok(provider)
}

/// `traceparent`, `tracestate` and `baggage` of a context.
pub fn inject(context: &Context) -> HashMap<String, String> {
    let mut carrier = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut carrier));
    carrier.retain(|_, value| !value.is_empty());
    carrier
}

pub fn extract(mut carrier: HashMap<String, String>) -> Context {
    if let Some(baggage) = carrier.get_mut("baggage") {
        *baggage = guard(baggage);
    }
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), &carrier))
}

/// The library decodes what follows the `;` of a member, and writes it on as it is: a line break would break the headers. It also
/// reads a value up to a second `=` only. Encoded once more, both stay what they were. A member with letters that W3C Baggage does
/// not allow, which the library takes too, is left out.
fn guard(baggage: &str) -> String {
    let is_allowed = |b: u8| (b'!'..=b'~').contains(&b) && b != b'"' && b != b'\\';
    let is_blank = |b: u8| b == b' ' || b == b'\t';
    let guarded = baggage.split(',').filter_map(|member| {
        let (pair, properties) = member.split_at(member.find(';').unwrap_or(member.len()));
        let (name, value) = pair.split_at(pair.find('=').map_or(pair.len(), |place| place + 1));
        let fits = value.trim().bytes().all(is_allowed) && properties.bytes().all(|b| is_allowed(b) || is_blank(b));
        fits.then(|| format!("{name}{}{}", value.replace('=', "%3D"), properties.replace('%', "%25")))
    });
    guarded.collect::<Vec<_>>().join(",")
}

pub fn now() -> String {
    to_text(OffsetDateTime::now_utc())
}

/// ISO 8601 in UTC, with milliseconds.
pub fn to_text(at: OffsetDateTime) -> String {
    let (date, ms) = (at.date(), at.millisecond());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Connects to the NATS that NATS_URL names.
pub async fn connect(options: async_nats::ConnectOptions) -> Result<async_nats::Client, Fault> {
    let url = setting("NATS_URL", "nats://127.0.0.1:4222");
    let address = url.rsplit('@').next().unwrap_or_default().to_owned(); // without a password
    options.connect(url).await.map_err(|error| format!("NATS at {address} cannot be reached: {error}").into())
}

pub fn setting(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}
