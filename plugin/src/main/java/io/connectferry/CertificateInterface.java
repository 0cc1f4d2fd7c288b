package io.connectferry;

/** The folder of the tasks that leave certificates. */
interface CertificateInterface {
    String CERTIFICATES = "certificates";

    default void describeCertificates(Request request, PrivateFolder folder) throws Exception {
        folder.create(CERTIFICATES);
        request.put("report", folder.fromWorkingDirectory(CERTIFICATES));
    }
}
