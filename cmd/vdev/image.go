// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"vdev/images"
)

// newImageCmd returns the command that makes and describes the guest image.
func newImageCmd() *cobra.Command {
	var opts images.Options
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build and describe the guest image: kernel and initramfs",
		Long: `Build and describe the guest image: a Linux kernel compiled from source, and a
u-root initramfs with vdev's guest programs.

The image is kept in vdev's cache below $XDG_CACHE_HOME (or ~/.cache), and only
what has changed is built again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&opts.KernelSource, "kernel-src", "", "build the kernel from this `tree or tarball` instead of Debian's source package")
	flags.StringVar(&opts.Suite, "suite", images.DefaultSuite, "Debian `suite` of the kernel's source package")
	flags.StringVar(&opts.Mirror, "mirror", "", "`URI` of the Debian archive (default: the one that apt uses)")
	cmd.AddCommand(newImageBuildCmd(&opts), newImageInfoCmd(&opts), newImagePathCmd(&opts), newImageMissingCmd())
	return cmd
}

func newImageBuildCmd(opts *images.Options) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build what is not in the cache",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Caught, a signal leaves nothing half-made behind.
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			opts.Progress = os.Stderr
			img, err := images.Build(ctx, *opts)
			if errors.Is(err, context.Canceled) {
				return errors.New("interrupted")
			}
			if err != nil {
				return err
			}
			if dir == "" {
				return printPaths(cmd.OutOrStdout(), img)
			}
			if err := img.CopyTo(dir); err != nil {
				return err
			}
			if img, err = images.FromDir(dir); err != nil {
				return err
			}
			return printPaths(cmd.OutOrStdout(), img)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "image", "", "also copy the image into this `directory`")
	flags.IntVarP(&opts.Jobs, "jobs", "j", 0, "`number` of compilers to run at a time (default: one a CPU)")
	flags.BoolVar(&opts.Update, "update", false, "look for a newer kernel source package")
	return cmd
}

func newImageInfoCmd(opts *images.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "info",
		Short: "Say what the image in the cache is made of",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parts, err := images.Info(cmd.Context(), *opts)
			if err != nil {
				return err
			}
			return printParts(cmd.OutOrStdout(), parts)
		},
	}
}

func newImagePathCmd(opts *images.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print the paths of the image in the cache",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			img, err := images.Find(cmd.Context(), *opts)
			if err != nil {
				return err
			}
			return printPaths(cmd.OutOrStdout(), img)
		},
	}
}

// newImageMissingCmd returns a command for scripts that set a machine up.
func newImageMissingCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "missing",
		Short:  "Print the Debian packages that a build needs and that are not installed",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, deb := range images.Missing() {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), deb); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// printPaths writes the image's files, one "name path" a line.
func printPaths(w io.Writer, img images.Image) error {
	_, err := fmt.Fprintf(w, "kernel %s\nvmlinux %s\nconfig %s\ninitramfs %s\n", img.Kernel, img.Vmlinux, img.Config, img.Initramfs)
	return err
}

// printParts describes the parts of an image.
func printParts(w io.Writer, parts []images.Part) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, p := range parts {
		if i > 0 {
			fmt.Fprintln(tw)
		}
		fmt.Fprintf(tw, "%s\tbuilt %s\n", p.Name, p.Created.Format("2006-01-02 15:04:05 MST"))
		for _, f := range p.Files {
			fmt.Fprintf(tw, "  file\t%s\t%d bytes\n", f.Path, f.Size)
		}
		for _, in := range p.Inputs {
			fmt.Fprintf(tw, "  %s\t%s\n", in.Name, in.Value)
		}
	}
	return tw.Flush()
}
