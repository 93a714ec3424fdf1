import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.nats.client.api.PublishAck;
import io.nats.client.impl.Headers;
import java.util.Optional;
import java.util.Set;

/** The events of one job, as one delivery reads and writes them. One thread at a time. */
final class Chain {
    private static final Set<String> ENDS = Set.of("succeeded", "failed", "cancelled");
    private static final Set<String> KINDS =
        Set.of("started", "progress", "retrying", "released", "succeeded", "failed", "cancelled", "redriven");

    private final Broker broker;
    private final Job job;
    private final String worker;
    private final int maxAttempts;
    final String spanId = TraceContext.newSpan();
    /** The sequence that the next event expects. */
    private long expected;
    /** The last event with the redrive count of the message, or a higher one. */
    private JsonNode last;
    private boolean unreadable;
    /** When the attempt started, or null. With the worker it names the delivery. */
    private String startedAt;
    private int attempt;

    Chain(Broker broker, Job job, String worker, int maxAttempts) {
        this.broker = broker;
        this.job = job;
        this.worker = worker;
        this.maxAttempts = maxAttempts;
    }

    synchronized void read() throws InterruptedException {
        Optional<Broker.Stored> stored = broker.last("EVENTS", subject());
        expected = stored.map(Broker.Stored::sequence).orElse(0L);
        last = stored.map(event -> readable(event.body())).orElse(null);
        unreadable = stored.isPresent() && last == null;
        if (last != null && redriveCount() < job.redriveCount) last = null;
    }

    private static JsonNode readable(byte[] body) {
        try {
            JsonNode event = Json.parse(body);
            boolean whole = KINDS.contains(event.path("kind").asText()) && event.path("attempt").isIntegralNumber()
                && event.path("released").isIntegralNumber() && event.path("worker").isTextual();
            return whole ? event : null;
        } catch (IllegalArgumentException error) {
            return null;
        }
    }

    private int redriveCount() {
        return last.path("redriveCount").asInt(0);
    }

    synchronized boolean isUnreadable() {
        return unreadable;
    }

    /** Whether the job has a terminal event with this redrive count, or any event with a higher one. */
    synchronized boolean hasEnded() {
        return last != null && (redriveCount() > job.redriveCount || ENDS.contains(last.get("kind").asText()));
    }

    /** Whether the last event is of this delivery. */
    synchronized boolean isOwn() {
        return last != null && startedAt != null && worker.equals(last.get("worker").asText()) && startedAt.equals(last.path("startedAt").asText());
    }

    /** Whether the last event says that another delivery has, or had, the job. */
    synchronized boolean isOfAnother() {
        return unreadable || last != null && !isOwn() && !last.get("kind").asText().equals("redriven");
    }

    /** Whether the last event shows that no worker has the job. */
    synchronized boolean isWaiting() {
        return last != null && Set.of("released", "retrying", "redriven").contains(last.get("kind").asText());
    }

    /** The stored event that ended the job. */
    synchronized JsonNode end() {
        return last;
    }

    synchronized boolean isLast(String kind) {
        return isOwn() && last.get("kind").asText().equals(kind);
    }

    /** How many attempts have started. */
    synchronized int spent() {
        return last == null ? 0 : last.get("attempt").asInt();
    }

    synchronized int released() {
        return last == null ? 0 : last.get("released").asInt();
    }

    synchronized int attempt() {
        return attempt;
    }

    synchronized long sequence() {
        return expected;
    }

    /** The event that starts the next attempt. */
    synchronized ObjectNode starting() {
        attempt = spent() + 1;
        startedAt = Json.now();
        return event("started", attempt, released());
    }

    /** Forgets an attempt that could not start. */
    synchronized void notStarted() {
        startedAt = null;
        attempt = 0;
    }

    /** A whole snapshot of the job. */
    synchronized ObjectNode event(String kind, int attemptNumber, int releasedCount) {
        ObjectNode body = Json.object().put("kind", kind).put("jobId", job.id).put("operation", job.operation)
            .put("attempt", attemptNumber).put("maxAttempts", maxAttempts).put("released", releasedCount).put("acceptedAt", job.acceptedAt());
        if (startedAt != null) body.put("startedAt", startedAt);
        body.put("at", Json.now()).put("worker", worker).put("traceId", job.context.traceId()).put("spanId", spanId);
        if (job.fingerprint() != null) body.put("fingerprint", job.fingerprint());
        if (job.priority() != null) body.put("priority", job.priority());
        if (job.orderingKey() != null) body.put("orderingKey", job.orderingKey());
        if (!job.tags().isEmpty()) job.tags().forEach(body.putArray("tags")::add);
        if (job.redriveCount > 0) {
            body.put("redriveCount", job.redriveCount);
            job.previousTraceIds.forEach(body.putArray("previousTraceIds")::add);
        }
        return body;
    }

    /** Stores an event after the last one. @throws Broker.Refused if it does not follow it, or is there already: read then */
    synchronized long write(ObjectNode body) throws Broker.Refused, InterruptedException {
        String id = id(body);
        PublishAck ack = broker.store(subject(), headers(body, id), Json.bytes(body));
        if (ack.isDuplicate()) {
            long before = expected;
            read();
            if (expected != before) throw new Broker.Refused();
            ack = broker.store(subject(), headers(body, id + ":" + TraceContext.newSpan()), Json.bytes(body));
        }
        expected = ack.getSeqno();
        last = body;
        unreadable = false;
        return expected;
    }

    private String subject() {
        return "events." + job.tenant + "." + job.id;
    }

    private String id(ObjectNode body) {
        String kind = body.get("kind").asText();
        String start = job.id + ":" + body.get("attempt").asInt() + ":";
        if (ENDS.contains(kind)) return job.id + ":end" + job.idSuffix();
        if (kind.equals("progress")) return start + "progress:" + body.get("at").asText() + job.idSuffix();
        return start + body.get("released").asInt() + ":" + kind + job.idSuffix();
    }

    private Headers headers(ObjectNode body, String id) {
        Headers headers = cloudEvent(body, id);
        headers.put("Nats-Msg-Id", id);
        headers.put("Nats-Expected-Last-Subject-Sequence", Long.toString(expected));
        headers.put("throughline-operation", job.operation);
        headers.put("throughline-attempt", body.get("attempt").asText());
        headers.put("throughline-max-attempts", Integer.toString(maxAttempts));
        headers.put("throughline-accepted-at", body.get("acceptedAt").asText());
        if (body.has("startedAt")) headers.put("throughline-started-at", body.get("startedAt").asText());
        headers.put("throughline-trace-id", job.context.traceId());
        if (body.has("error")) headers.put("throughline-error-code", body.get("error").get("code").asText());
        if (body.has("tags")) headers.put("throughline-tags", String.join(",", job.tags()));
        if (job.redriveCount > 0) {
            headers.put("throughline-redrive-count", Integer.toString(job.redriveCount));
            headers.put("throughline-previous-trace-ids", String.join(",", job.previousTraceIds));
        }
        job.context.write(headers, spanId);
        return headers;
    }

    /** The CloudEvent attributes of an event. */
    static Headers cloudEvent(JsonNode body, String id) {
        Headers headers = new Headers();
        headers.put("ce-specversion", "1.0");
        headers.put("ce-id", id);
        headers.put("ce-source", "/throughline/worker/" + body.get("worker").asText());
        headers.put("ce-type", "dev.throughline.job." + body.get("kind").asText());
        headers.put("ce-time", body.get("at").asText());
        headers.put("ce-datacontenttype", "application/json");
        headers.put("content-type", "application/json");
        return headers;
    }
}
