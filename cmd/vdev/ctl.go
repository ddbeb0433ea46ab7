// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newCtlCmd() *cobra.Command {
	var socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ctl [flags] COMMAND",
		Short: "Look at a running machine, pause it, end it",
		Long: `Look at a running machine, pause it, end it. The commands are those of the monitor
behind Ctrl-A c; the beginning of a word is enough:

` + indent(helpText(commands())) + `
Without --ctl, the socket is that in $` + ctlVariable + `, or that of the one machine that runs:
"vdev boot" makes a socket by itself, "vdev exec" if it is given --ctl.

Files are those of the directory where "vdev ctl" runs. Exit status: 0, or 125 if the
command could not be done, which one line on standard error explains.`,
		Example: `  vdev ctl screenshot now.png
  vdev ctl devices --json
  vdev ctl --ctl machine.sock quit`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("no command given; there are %s", commandNames(commands()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return ctl(cmd.OutOrStdout(), socket, asJSON, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&socket, "ctl", "", "the `SOCKET` of the machine, as given to \"vdev boot\" or \"vdev exec\"")
	fs.BoolVar(&asJSON, "json", false, "print what devices, buffers and reports say as JSON")
	return cmd
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

// ctl is "vdev ctl".
func ctl(out io.Writer, socket string, asJSON bool, words []string) error {
	c, arg, err := findCommand(commands(), words)
	if err != nil {
		return err
	}
	request := c.name
	if c.picture {
		// What cannot work should not cost the machine a picture.
		if err := checkPicture(arg); err != nil {
			return err
		}
	} else if arg != "" {
		request += " " + arg
	}
	if socket == "" {
		if socket, err = findMachine(); err != nil {
			return err
		}
	}
	r, err := askMachine(socket, request)
	switch {
	case err != nil:
		return err
	case c.picture:
		return writePicture(arg, r.PNG)
	case !asJSON:
		_, err = io.WriteString(out, r.Text)
	case r.Value == nil:
		return fmt.Errorf("%s has no --json", c.name)
	default:
		_, err = fmt.Fprintf(out, "%s\n", r.Value)
	}
	return err
}

// findMachine is the socket to use if the command line names none.
func findMachine() (string, error) {
	if name := os.Getenv(ctlVariable); name != "" {
		return name, nil
	}
	live, err := liveSockets()
	switch {
	case err != nil:
		return "", err
	case len(live) == 0:
		return "", errors.New("no machine runs; start one with \"vdev boot\", or \"vdev exec --ctl SOCKET\" and name the socket here too")
	case len(live) > 1:
		return "", fmt.Errorf("%d machines run; choose one with --ctl: %s", len(live), strings.Join(live, ", "))
	}
	return live[0], nil
}

// answerPatience is how long an answer may take; the machine's own patience ends
// before.
const answerPatience = 2*lookPatience + ctlWrite

// answerMax is more than an answer has.
const answerMax = 1 << 30

// askMachine sends one request.
func askMachine(socket, request string) (reply, error) {
	fail := func(err error) (reply, error) {
		return reply{}, fmt.Errorf("control socket %s: %w", socket, err)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fail(socketError(socket, err))
	}
	defer conn.Close()
	line, err := json.Marshal(ctlRequest{Command: request})
	if err != nil {
		return fail(err)
	}
	_ = conn.SetDeadline(time.Now().Add(answerPatience))
	// Who closes at once may have said why.
	_, sendErr := conn.Write(append(line, '\n'))
	var r ctlReply
	switch err := json.NewDecoder(io.LimitReader(conn, answerMax)).Decode(&r); {
	case err == nil && r.Error != "":
		return reply{}, errors.New(r.Error)
	case err == nil:
		return r.reply, nil
	case errors.Is(err, io.EOF):
		return fail(errors.New("the machine went away"))
	case sendErr != nil:
		return fail(socketError(socket, sendErr))
	default:
		return fail(socketError(socket, err))
	}
}
