import io.nats.client.impl.Headers;

/** The message of a job that has failed, with the reason. */
final class DeadLetter {
    private DeadLetter() {}

    static void store(Broker broker, Job job, String reason, int attempts, String text, String detail) throws InterruptedException {
        Headers headers = new Headers();
        if (job.message.hasHeaders()) {
            job.message.getHeaders().forEach((name, values) -> {
                if (!name.toLowerCase().startsWith("nats-")) headers.add(name, values);
            });
        }
        headers.put("Nats-Msg-Id", job.id + ":dead" + job.idSuffix());
        headers.put("throughline-dead-reason", reason);
        headers.put("throughline-dead-attempts", Integer.toString(attempts));
        boolean fits = job.message.getData().length + 32_000 < broker.connection.getMaxPayload();
        if (fits) headers.put("throughline-dead-message", Json.asciiText(text.replaceAll("\\R", " "), 300));
        if (fits && !detail.isEmpty()) headers.put("throughline-dead-detail", Json.asciiText(detail, 1300));
        broker.storeAlways("dead." + job.tenant + "." + job.id + "." + job.operation, headers, job.message.getData());
    }
}
