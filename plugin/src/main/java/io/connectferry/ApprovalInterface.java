package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

/** The property of the tasks that do what somebody approved. */
interface ApprovalInterface extends CertificateInterface {
    @Schema(title = "Who approved it", description = "Stands in the certificate of each connector. Defaults to nobody known.")
    @PluginProperty(group = "main")
    Property<String> getApprovedBy();

    default void describeApproval(Request request, PrivateFolder folder) throws Exception {
        request.text("approved_by", getApprovedBy());
        describeCertificates(request, folder);
    }
}
