"""Commands that measure and draw what recurrent networks do, from real runs on real texts and sounds."""
