// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package cli is what the graphics commands have in common besides package drm: their
// way of dealing with flags, errors and Ctrl-C.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"vdev/guest/drm/pixel"
)

// usageError is an error in a command's arguments.
type usageError struct{ error }

// Usage marks an error as one in the command's arguments.
func Usage(err error) error { return usageError{err} }

// ErrReported is returned by a command if another process has said what went wrong.
var ErrReported = errors.New("reported")

// Main runs a command and exits: with status 0, or with one line on standard error and
// status 1, or 2 if the arguments are wrong. Run gets its arguments without flags, and a context that ends with
// Ctrl-C. Help is what -h prints before the flags.
func Main(name, help string, define func(*flag.FlagSet), run func(ctx context.Context, args []string) error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	define(flags)
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help, "\nFlags:\n")
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return
	case err != nil:
		err = Usage(err)
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = run(ctx, flags.Args())
	}
	if err == nil {
		return
	}
	status := 1
	if errors.Is(err, ErrReported) {
		os.Exit(status)
	}
	if errors.As(err, new(usageError)) {
		err = fmt.Errorf("%w (see %s -h)", err, name)
		status = 2
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	os.Exit(status)
}

// File is the one file that a command may be given; empty if there is none.
func File(args []string) (string, error) {
	switch len(args) {
	case 0:
		return "", nil
	case 1:
		return args[0], nil
	}
	return "", Usage(errors.New("more than one file"))
}

// Picture returns the PNG in a file, or the test picture of the given size if there is
// no file.
func Picture(file string, width, height, step int) (*pixel.Picture, error) {
	if file == "" {
		return pixel.TestPicture(width, height, step), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := pixel.DecodePNG(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// ParseSize reads a size like 640x360.
func ParseSize(s string) (width, height int, err error) {
	var rest string
	n, _ := fmt.Sscanf(s, "%dx%d%s", &width, &height, &rest)
	if n != 2 || width < 1 || height < 1 {
		return 0, 0, Usage(fmt.Errorf("size %q: want WxH", s))
	}
	return width, height, nil
}

// Save writes a PNG to a file, or to standard output if its name is "-".
func Save(p *pixel.Picture, file string) error {
	if file == "-" {
		return p.EncodePNG(os.Stdout)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(p.EncodePNG(f), f.Close())
}

// Stay returns when the context ends, or after a time unless that is 0.
func Stay(ctx context.Context, d time.Duration) {
	var end <-chan time.Time
	if d != 0 {
		end = time.After(d)
	}
	select {
	case <-ctx.Done():
	case <-end:
	}
}
