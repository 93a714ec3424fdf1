import io.nats.client.Connection;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** Publishes one job, and ends when JetStream has it. */
final class Producer {
    private Producer() {}

    public static void main(String[] args) throws Exception {
        String tenant = variable("CONFORMANCE_TENANT");
        String operation = variable("CONFORMANCE_OPERATION");
        String id = UUID.randomUUID().toString();
        Connection connection = Broker.connect(new Options.Builder(), variable("NATS_URL"));
        String subject = "jobs.normal.p" + pooledLane(tenant) + "." + tenant + "." + id + "." + operation;
        new Broker(connection).storeAlways(subject, headers(id), variable("CONFORMANCE_INPUT").getBytes(StandardCharsets.UTF_8));
        connection.close();
    }

    private static Headers headers(String id) {
        Headers headers = new Headers();
        headers.put("Nats-Msg-Id", id);
        headers.put("ce-specversion", "1.0");
        headers.put("ce-id", id);
        headers.put("ce-source", "/example/java");
        headers.put("ce-type", "dev.throughline.job.submitted");
        headers.put("ce-time", Json.now());
        headers.put("ce-datacontenttype", "application/json");
        headers.put("content-type", "application/json");
        Headers given = new Headers();
        for (String name : new String[] {"traceparent", "tracestate", "baggage"}) {
            String value = System.getenv(name.toUpperCase());
            if (value != null && !value.isEmpty()) given.put(name, value);
        }
        TraceContext.of(given).write(headers, TraceContext.newSpan());
        return headers;
    }

    /** FNV-1a of 32 bits over the tenant, modulo 4. */
    private static int pooledLane(String tenant) {
        int hash = 0x811c9dc5;
        for (byte b : tenant.getBytes(StandardCharsets.UTF_8)) hash = (hash ^ (b & 0xff)) * 0x01000193;
        return Integer.remainderUnsigned(hash, 4);
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null) throw new IllegalArgumentException(name + " is missing");
        return value;
    }
}
