package engine;

import io.kestra.core.http.HttpRequest;
import io.kestra.core.http.HttpResponse;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.services.WebhookService;
import io.kestra.plugin.core.trigger.Webhook;
import io.kestra.plugin.core.trigger.WebhookContext;
import io.kestra.plugin.core.trigger.WebhookResponse;
import io.micronaut.context.ApplicationContext;

import java.net.URI;
import java.time.Duration;
import java.util.List;

/** Does what Kestra's web server does with a call of a webhook: finds the trigger by its key and hands it the request. */
final class Webhooks {
    private static final Duration LONGEST = Duration.ofMinutes(1);

    private Webhooks() {
    }

    /** Returns the execution that the trigger created. */
    static String call(ApplicationContext context, Flow flow, String key, Object body) throws Exception {
        Webhook trigger = null;
        for (var one : flow.getTriggers() == null ? List.<Object>of() : flow.getTriggers()) {
            if (one instanceof Webhook webhook
                && context.getBean(RunContextFactory.class).of(flow, webhook).render(webhook.getKey()).equals(key)) {
                trigger = webhook;
            }
        }
        if (trigger == null) {
            throw new IllegalArgumentException("404: " + flow.getId() + " has no webhook with this key");
        }
        String text = body instanceof String raw ? raw : JacksonMapper.ofJson().writeValueAsString(body);
        HttpRequest request = HttpRequest.of(
            URI.create("http://kestra/api/v1/main/executions/webhook/" + flow.getNamespace() + "/" + flow.getId() + "/key"), "POST",
            HttpRequest.StringRequestBody.of(text));
        HttpResponse<?> answer = trigger.evaluate(WebhookContext.builder().request(request).flow(flow).trigger(trigger)
            .webhookService(context.getBean(WebhookService.class)).build()).block(LONGEST);
        if (answer != null && answer.getBody() instanceof WebhookResponse begun) {
            return begun.id();
        }
        throw new IllegalStateException("the webhook answered " + (answer == null ? "nothing" : answer.getStatus()));
    }
}
