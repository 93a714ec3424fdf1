import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** The keys of this host: who it is, and what it can run. */
final class Announcement {
    static final int RENEW_MS = 30_000;

    private final Broker broker;
    private final Settings settings;
    private final String key;
    private final String since = Json.now();
    private boolean announced;
    private boolean left;

    Announcement(Broker broker, Settings settings) {
        this.broker = broker;
        this.settings = settings;
        key = "$KV.HOSTS." + escaped(settings.name() + " " + TraceContext.newSpan());
    }

    private static String escaped(String name) {
        StringBuilder out = new StringBuilder();
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            boolean plain = b > 0 && (Character.isLetterOrDigit((char) b) || b == '_' || b == '-');
            out.append(plain ? String.valueOf((char) b) : String.format("=%02X", b & 0xff));
        }
        return out.toString();
    }

    /** Writes the host's key, and those of its operations that are missing; at the start, also those that differ. */
    synchronized void renew() throws InterruptedException {
        if (left) return;
        ObjectNode host = Json.object().put("host", settings.name()).put("version", "1.0.0").put("group", settings.group())
            .put("concurrency", settings.concurrency()).put("since", since).put("at", Json.now()).put("leaseMs", 3 * RENEW_MS);
        ArrayNode operations = host.putArray("operations");
        for (String name : settings.filters().of(Operations.ALL.keySet())) operations.add(name);
        // The host first: an operation that becomes known has a host then.
        broker.storeAlways(key, null, Json.bytes(host));
        for (JsonNode name : operations) announceOperation(name.asText());
        announced = true;
    }

    private void announceOperation(String name) throws InterruptedException {
        ObjectNode wanted = Json.object().put("name", name).put("inputSchema", true)
            .put("timeoutMs", Operations.TIMEOUT_MS).put("maxAttempts", Operations.MAX_ATTEMPTS);
        Optional<Broker.Stored> stored = broker.last("KV_OPERATIONS", "$KV.OPERATIONS." + name);
        boolean exists = stored.isPresent() && stored.get().body().length > 0;
        if (exists && (announced || isSame(stored.get().body(), wanted))) return;
        broker.storeAlways("$KV.OPERATIONS." + name, null, Json.bytes(wanted.put("host", settings.name())));
    }

    private static boolean isSame(byte[] stored, ObjectNode wanted) {
        try {
            JsonNode definition = Json.parse(stored).deepCopy();
            if (definition instanceof ObjectNode found) found.remove("host");
            return definition.equals(wanted);
        } catch (IllegalArgumentException unreadable) {
            return false;
        }
    }

    /** Deletes the host's key. */
    synchronized void leave() throws InterruptedException {
        left = true;
        broker.storeAlways(key, new Headers().put("KV-Operation", "DEL"), new byte[0]);
    }
}
