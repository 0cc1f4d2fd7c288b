package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

/** The property of the tasks that leave certificates, and the folder they leave them in. */
interface CertificateInterface {
    String CERTIFICATES = "certificates";

    @Schema(title = "Who approved it", description = "Stands in the certificate of each connector. Defaults to nobody known.")
    @PluginProperty(group = "main")
    Property<String> getApprovedBy();

    default void describeCertificates(Request request, PrivateFolder folder) throws Exception {
        folder.create(CERTIFICATES);
        request.text("approved_by", getApprovedBy()).put("report", folder.fromWorkingDirectory(CERTIFICATES));
    }
}
