import com.fasterxml.jackson.databind.JsonNode;
import io.nats.client.impl.Headers;
import java.net.URI;
import java.util.List;
import java.util.Set;

/** The callback task of a job, if its caller wants one for this end. A callback header that cannot be read means no callback. */
final class Callback {
    private static final Set<String> ENDS = Set.of("succeeded", "failed", "cancelled");

    private Callback() {}

    static void store(Broker broker, Job job, JsonNode end) throws InterruptedException {
        String url = job.header("throughline-callback-url");
        if (url == null || !isAddress(url) || !wants(job, end.get("kind").asText())) return;
        Headers headers = Chain.cloudEvent(end, job.id + ":end" + job.idSuffix());
        headers.put("Nats-Msg-Id", job.id + ":callback" + job.idSuffix());
        headers.put("throughline-callback-url", url);
        job.context.write(headers, end.path("spanId").asText());
        broker.storeAlways("callbacks." + job.tenant + "." + job.id, headers, Json.bytes(end));
    }

    private static boolean wants(Job job, String kind) {
        String kinds = job.header("throughline-callback-events");
        if (kinds == null) return true;
        List<String> wanted = List.of(kinds.split(",", -1));
        return ENDS.containsAll(wanted) && wanted.contains(kind);
    }

    private static boolean isAddress(String url) {
        try {
            URI address = new URI(url);
            boolean http = "http".equalsIgnoreCase(address.getScheme()) || "https".equalsIgnoreCase(address.getScheme());
            return http && address.getHost() != null && address.getUserInfo() == null && address.getFragment() == null;
        } catch (java.net.URISyntaxException error) {
            return false;
        }
    }
}
