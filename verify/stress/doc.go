// Package stress runs races over and over, until both sides of each have been
// seen, and checks what must hold whichever side wins.
package stress
