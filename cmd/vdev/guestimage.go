// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"vdev/images"
)

// openImage returns the guest image in dir; with no dir, the one in the cache, of
// which it builds what is missing.
func openImage(ctx context.Context, dir string) (images.Image, error) {
	if dir != "" {
		return images.FromDir(dir)
	}
	// Caught, a signal leaves nothing half-made behind.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	img, err := images.Build(ctx, images.Options{Progress: os.Stderr})
	if errors.Is(err, context.Canceled) {
		return img, errors.New("interrupted")
	}
	return img, err
}
