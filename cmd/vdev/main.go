// SPDX-License-Identifier: Apache-2.0

// Command vdev is a full-system emulator that makes the bugs of buffer sharing
// between CPU and devices visible.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit statuses of the command itself. A program's own status passes through
// "vdev exec" unchanged. A signal that ends vdev gives 128 and its number.
const (
	statusPanic   = 1   // the guest's kernel panicked during "vdev boot"
	statusTimeout = 124 // --timeout, as timeout(1) has it
	statusFailure = 125 // vdev could not do what it was asked to
)

// statusError carries an exit status and, if there is something to say, a message.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

func main() { os.Exit(run(context.Background(), os.Args[1:])) }

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string) int {
	root := newRootCmd()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var se *statusError
	if errors.As(err, &se) {
		if se.err != nil {
			fmt.Fprintln(os.Stderr, "vdev:", se.err)
		}
		return se.status
	}
	fmt.Fprintln(os.Stderr, "vdev:", err)
	return statusFailure
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "vdev",
		Short: "A RISC-V machine that shows the bugs of buffer sharing between CPU and devices",
		Long: `vdev boots a real Linux kernel with a u-root userland on an emulated RV64GC machine.

  vdev boot                    boot the guest image and sit at its prompt
  vdev exec PROGRAM ARGS...    run one program in a fresh guest
  vdev ctl COMMAND             look at a running machine, pause it, end it
  vdev image build             build the guest image`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newBootCmd(), newExecCmd(), newDevicesCmd(), newImageCmd(), newCtlCmd())
	return root
}
