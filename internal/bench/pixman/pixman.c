// SPDX-License-Identifier: Apache-2.0

// Measures pixman: "pixman OPERATION WIDTH HEIGHT COUNT" does the operation COUNT times
// on pictures of a8r8g8b8 and prints the nanoseconds of processor time that it took.

#include <pixman.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// noise is a picture of premultiplied pixels; opaque ones if set.
static pixman_image_t *noise(int w, int h, int opaque, uint32_t seed)
{
	pixman_image_t *image = pixman_image_create_bits(PIXMAN_a8r8g8b8, w, h, NULL, 0);
	uint32_t *p = pixman_image_get_data(image);

	for (int i = 0; i < w * h; i++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t a = opaque ? 255 : seed >> 24;
		uint32_t c = (seed >> 16 & 255) * a / 255;
		p[i] = a << 24 | c << 16 | c / 2 << 8 | (a - c);
	}
	return image;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: %s fill|copy|blend WIDTH HEIGHT COUNT\n", argv[0]);
		return 2;
	}
	const char *op = argv[1];
	int w = atoi(argv[2]), h = atoi(argv[3]), count = atoi(argv[4]);
	pixman_image_t *src = noise(w, h, 0, 1), *dst = noise(w, h, 1, 2);
	long long start = 0;

	for (int i = -1; i < count; i++) { // once to warm up
		if (i == 0)
			start = now();
		if (!strcmp(op, "fill"))
			pixman_fill(pixman_image_get_data(dst), w, 32, 0, 0, w, h, 0xff123456);
		else if (!strcmp(op, "copy"))
			pixman_image_composite32(PIXMAN_OP_SRC, src, NULL, dst, 0, 0, 0, 0, 0, 0, w, h);
		else if (!strcmp(op, "blend"))
			pixman_image_composite32(PIXMAN_OP_OVER, src, NULL, dst, 0, 0, 0, 0, 0, 0, w, h);
		else
			return 2;
	}
	printf("%lld\n", now() - start);
	return 0;
}
