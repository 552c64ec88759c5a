"""Shared by both recipes: training runs, losses, CLIP, tokenizer, exported folders."""
