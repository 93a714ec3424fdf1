//! The operations of this worker. `place_order` shows what yours may do; the others are those of `throughline conformance`.

use std::future::Future;
use std::time::Duration;

use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use serde_json::{Value, json};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use throughline_example::{Fault, inject};
use tokio::sync::{OnceCell, mpsc};

pub const MAX_ATTEMPTS: u64 = 5;
pub const TIMEOUT_MS: u64 = 60_000;
pub const OPERATIONS: [&str; 10] = [
    "conformance.baggage",
    "conformance.big",
    "conformance.echo",
    "conformance.fail",
    "conformance.info",
    "conformance.progress",
    "conformance.reject",
    "conformance.retry",
    "conformance.sleep",
    "example.order",
];

/// The operation will never do this job. It is not tried again.
#[derive(Debug)]
pub struct Rejected(pub &'static str);

impl std::fmt::Display for Rejected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Rejected {}

pub struct Run {
    pub input: Value,
    /// jobId, tenant, attempt, redriveCount and fence. The fence grows with each attempt: a database can refuse older ones.
    pub facts: Value,
    /// Takes reports of progress: {fraction, message}.
    pub report: mpsc::UnboundedSender<Value>,
}

/// Runs an operation. The current context has the span of the attempt. An abort drops the future at its next `await`.
pub async fn run(operation: &str, run: Run) -> Result<Value, Fault> {
    let input = &run.input;
    let number = |name: &str| input[name].as_u64().ok_or(format!("{name} is not a number"));
    match operation {
        "example.order" => place_order(&run).await,
        "conformance.echo" => Ok(run.input),
        "conformance.fail" => Err(input["message"].as_str().unwrap_or("it failed").into()),
        "conformance.reject" => Err(Rejected("it cannot be done").into()),
        "conformance.retry" if run.facts["attempt"].as_u64() <= input["failures"].as_u64() => Err("not yet".into()),
        "conformance.retry" => Ok(json!({ "attempt": run.facts["attempt"] })),
        "conformance.sleep" => {
            tokio::time::sleep(Duration::from_millis(number("ms")?)).await;
            Ok(json!({ "slept": input["ms"] }))
        }
        "conformance.progress" => {
            let steps = number("steps")?;
            let every = Duration::from_millis(input["everyMs"].as_u64().unwrap_or(300));
            for step in 1..=steps {
                let fraction = step as f64 / steps as f64;
                run.report.send(json!({ "fraction": fraction, "message": format!("step {step}") }))?;
                tokio::time::sleep(every).await;
            }
            Ok(json!({ "steps": steps }))
        }
        "conformance.baggage" => Ok(json!({ "status": get(input["url"].as_str().unwrap_or("")).await? })),
        "conformance.info" => Ok(run.facts),
        "conformance.big" => Ok(json!({ "text": "x".repeat(number("bytes")? as usize) })),
        _ => Err(format!("{operation} is not here").into()),
    }
}

/// {item, url?}: SQL, Redis and HTTP calls as child spans, and work in the background that keeps the context.
async fn place_order(run: &Run) -> Result<Value, Fault> {
    let item = run.input["item"].as_str().ok_or("item is not a text")?.to_owned();
    let orders = traced("insert orders", "sqlite", insert_order(&item, run.facts["fence"].as_i64())).await?;
    if let Ok(url) = std::env::var("REDIS_URL") {
        traced("INCR", "redis", increment(&url, format!("orders:{item}"))).await?;
    }
    // A spawned task and a thread begin with an empty context. Both get that of the job.
    let context = Context::current();
    let task = tokio::spawn(async { in_background("background task") }.with_context(context.clone()));
    let thread = tokio::task::spawn_blocking(move || {
        let _guard = context.attach();
        in_background("background thread");
    });
    let status = match run.input["url"].as_str() {
        Some(url) => Some(get(url).await?),
        None => None,
    };
    task.await?;
    thread.await?;
    Ok(json!({ "orders": orders, "status": status }))
}

/// A client span around a call to a database.
async fn traced<T>(name: &'static str, system: &'static str, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let tracer = global::tracer("throughline-example");
    let builder = tracer.span_builder(name).with_kind(SpanKind::Client);
    let span = builder.with_attributes([KeyValue::new("db.system.name", system)]).start(&tracer);
    call.with_context(Context::current_with_span(span)).await
}

async fn insert_order(item: &str, fence: Option<i64>) -> Result<i64, Fault> {
    static DATABASE: OnceCell<SqlitePool> = OnceCell::const_new();
    let open = || async {
        // SQLite in memory is one connection.
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
        sqlx::query("create table orders (item text, fence integer)").execute(&pool).await?;
        Ok::<_, Fault>(pool)
    };
    let pool = DATABASE.get_or_try_init(open).await?;
    sqlx::query("insert into orders values (?, ?)").bind(item).bind(fence).execute(pool).await?;
    let count = sqlx::query_scalar("select count(*) from orders where item = ?").bind(item);
    Ok(count.fetch_one(pool).await?)
}

async fn increment(url: &str, key: String) -> Result<i64, Fault> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    Ok(redis::cmd("INCR").arg(key).query_async(&mut connection).await?)
}

fn in_background(name: &'static str) {
    // A span that starts in the current context. It ends when it is dropped.
    let _span = global::tracer("throughline-example").start(name);
}

/// An HTTP GET in a client span, with the trace and the baggage in its headers. `https` needs a TLS feature of reqwest.
async fn get(url: &str) -> Result<u16, Fault> {
    let tracer = global::tracer("throughline-example");
    let builder = tracer.span_builder("GET").with_kind(SpanKind::Client);
    let span = builder.with_attributes([KeyValue::new("http.request.method", "GET")]).start(&tracer);
    let context = Context::current_with_span(span);
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in inject(&context) {
        request = request.header(name, value);
    }
    let status = request.send().await?.status().as_u16();
    context.span().set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    Ok(status)
}
