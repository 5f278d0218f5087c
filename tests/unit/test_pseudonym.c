/* SHA-256 and HMAC against the published vectors (FIPS 180-2 appendix B, RFC 4231), and every length around a block against the same
 * message cut by the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/config/pseudonym.h"

static void is(const uint8_t *got, size_t n, const char *want)
{
	char text[2 * SHA256_BYTES + 1];
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", got[i]);
	assert_string_equal(text, want);
}

static void hashes_are_the_published_ones(void **state)
{
	(void)state;
	uint8_t hash[SHA256_BYTES], *million = malloc(1000000);
	sha256("abc", 3, hash);
	is(hash, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hash);
	is(hash, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	sha256("", 0, hash);
	is(hash, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	memset(million, 'a', 1000000);
	sha256(million, 1000000, hash);
	is(hash, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

static void macs_are_those_of_rfc_4231(void **state)
{
	(void)state;
	static const struct {
		int key_byte, key_size; /* 0: key is "Jefe" */
		const char *message;
		const char *mac;
		size_t shown;
	} of[] = {
		{ 0x0b, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", 32 },
		{ 0, 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", 32 },
		{ 0x0c, 20, "Test With Truncation", "a3b6167473100ee06e0c796c2955552b", 16 },
		{ 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", 32 },
		{ 0xaa, 131, "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2", 32 },
	};
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		uint8_t key[131] = "Jefe", mac[SHA256_BYTES];
		struct pseudonym_key k = { 0 };
		if (of[i].key_byte)
			memset(key, of[i].key_byte, (size_t)of[i].key_size);
		pseudonym_key(&k, key, (size_t)of[i].key_size);
		pseudonym_hmac(&k, text_of(of[i].message), mac);
		is(mac, of[i].shown, of[i].mac);
	}
}

static void a_mac_is_the_definition_for_every_length(void **state)
{
	(void)state;
	uint8_t key[16] = "0123456789abcde", message[64 + 200], again[64 + SHA256_BYTES], mac[SHA256_BYTES], want[SHA256_BYTES];
	struct pseudonym_key k = { 0 };
	pseudonym_key(&k, key, sizeof(key));
	for (size_t n = 0; n <= 200; n++) {
		for (int i = 0; i < 64; i++) {
			message[i] = (uint8_t)((i < 16 ? key[i] : 0) ^ 0x36);
			again[i] = (uint8_t)((i < 16 ? key[i] : 0) ^ 0x5c);
		}
		for (size_t i = 0; i < n; i++)
			message[64 + i] = (uint8_t)(i * 7);
		sha256(message, 64 + n, again + 64);
		sha256(again, sizeof(again), want);
		pseudonym_hmac(&k, (struct text){ (const char *)message + 64, (uint32_t)n }, mac);
		assert_memory_equal(mac, want, sizeof(mac));
	}
}

static void a_pseudonym_is_half_of_the_mac_in_hexadecimal(void **state)
{
	(void)state;
	uint8_t key[20];
	char to[PSEUDONYM_BYTES];
	struct pseudonym_key k = { 0 };
	memset(key, 0x0b, sizeof(key));
	pseudonym_key(&k, key, sizeof(key));
	struct text t = pseudonym_of(&k, TEXT("Hi There"), to);
	assert_true(text_equal(t, TEXT("b0344c61d8db38535ca8afceaf0bf12b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_the_published_ones),
		cmocka_unit_test(macs_are_those_of_rfc_4231),
		cmocka_unit_test(a_mac_is_the_definition_for_every_length),
		cmocka_unit_test(a_pseudonym_is_half_of_the_mac_in_hexadecimal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
