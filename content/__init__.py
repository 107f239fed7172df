"""The words and the knowledge, as data, reviewed by child-protection and legal editors."""
