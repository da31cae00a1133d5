/* Laid before libre for baresip 1.0: its DTLS shows the certificate of a file in place of one of RSA that it makes itself. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct tls;

/* Of libre: certificate and key in PEM; 0 is success. */
int tls_set_certificate_pem(struct tls *tls, const char *cert, size_t len_cert, const char *key, size_t len_key);

int tls_set_selfsigned_rsa(struct tls *tls, const char *name, size_t bits)
{
	static char pem[16384];
	const char *path = getenv("BARESIP_CERTIFICATE");
	FILE *file = path ? fopen(path, "r") : NULL;
	size_t length;

	(void)name;
	(void)bits;
	if (!file)
		return 2;
	length = fread(pem, 1, sizeof pem - 1, file);
	fclose(file);
	return tls_set_certificate_pem(tls, pem, length, pem, length);
}
