/** Read where it is there, unless another is named. */
export const defaultConfigFile = "/etc/overlaywatch/overlaywatch.yaml";
