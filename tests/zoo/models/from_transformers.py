"""transformers' models in small configurations, each as a module that takes and returns tensors alone."""

import transformers
from seeding import seeded
from torch import nn

# The usual names; a configuration that has others gets them beside these.
SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
TEXT = {**SMALL, "vocab_size": 200, "max_position_embeddings": 64}
IMAGES = {**SMALL, "image_size": 64, "patch_size": 16}
CAUSAL = {**TEXT, "num_key_value_heads": 2, "head_dim": 12, "use_cache": False}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


class Part(nn.Module):
    """A model of which some outputs are wanted, by name."""

    def __init__(self, model, *outputs, **options):
        super().__init__()
        self.model = model
        self.outputs = outputs
        self.options = options

    def _returned(self, **given):
        found = self.model(**given, **self.options)
        return tuple(found[name] for name in self.outputs)


class Text(Part):
    def forward(self, input_ids, attention_mask):
        return self._returned(input_ids=input_ids, attention_mask=attention_mask)


class Tokens(Part):
    def forward(self, input_ids):
        return self._returned(input_ids=input_ids)


class Image(Part):
    def forward(self, pixel_values):
        return self._returned(pixel_values=pixel_values)


class ImageAndText(Part):
    def forward(self, input_ids, pixel_values, attention_mask):
        return self._returned(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)


class Waveform(Part):
    def forward(self, input_values):
        return self._returned(input_values=input_values)


class Spectrogram(Part):
    def forward(self, input_features):
        return self._returned(input_features=input_features)


class DecoderStep(Part):
    """A decoder over what an encoder has returned."""

    def forward(self, input_ids, encoder_hidden_states):
        return self._returned(input_ids=input_ids, encoder_hidden_states=encoder_hidden_states)


@seeded()
def bert():
    model = transformers.BertModel(transformers.BertConfig(**TEXT))
    return Text(model, "last_hidden_state", "pooler_output")


@seeded()
def bert_mini():
    """As large as the one of the name that Google published: 4 layers, 11 million parameters."""
    config = transformers.BertConfig(
        hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024
    )
    return Text(transformers.BertModel(config), "last_hidden_state", "pooler_output")


@seeded()
def albert():
    config = transformers.AlbertConfig(**TEXT, embedding_size=24)
    return Text(transformers.AlbertForSequenceClassification(config), "logits")


@seeded()
def modernbert():
    config = transformers.ModernBertConfig(
        **TEXT | {"num_hidden_layers": 3}, **SPECIAL, cls_token_id=3, sep_token_id=4, local_attention=8
    )
    return Text(transformers.ModernBertForMaskedLM(config), "logits")


@seeded()
def distilbert():
    config = transformers.DistilBertConfig(
        vocab_size=200, max_position_embeddings=64, dim=48, n_layers=2, n_heads=4, hidden_dim=96
    )
    return Text(transformers.DistilBertForQuestionAnswering(config), "start_logits", "end_logits")


@seeded()
def electra():
    config = transformers.ElectraConfig(**TEXT, embedding_size=24)
    return Text(transformers.ElectraForTokenClassification(config), "logits")


@seeded()
def roberta():
    return Text(transformers.RobertaForMaskedLM(transformers.RobertaConfig(**TEXT)), "logits")


@seeded()
def deberta_v2():
    config = transformers.DebertaV2Config(
        **TEXT, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8, type_vocab_size=0
    )
    return Text(transformers.DebertaV2Model(config), "last_hidden_state")


@seeded()
def vit():
    return Image(transformers.ViTForImageClassification(transformers.ViTConfig(**IMAGES)), "logits")


@seeded()
def dinov2():
    config = transformers.Dinov2Config(**IMAGES | {"patch_size": 14, "image_size": 70})
    return Image(transformers.Dinov2Model(config), "last_hidden_state", "pooler_output")


@seeded((1, 3, 64, 64))
def segformer():
    config = transformers.SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 40, 64], num_attention_heads=[1, 2, 5, 8], decoder_hidden_size=32
    )
    return Image(transformers.SegformerForSemanticSegmentation(config), "logits")


@seeded((1, 3, 64, 64))
def dpt():
    config = transformers.DPTConfig(
        **IMAGES | {"num_hidden_layers": 4},
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[16, 24, 32, 48],
        fusion_hidden_size=32,
        is_hybrid=False,
    )
    return Image(transformers.DPTForDepthEstimation(config), "predicted_depth")


@seeded((1, 3, 64, 64))
def mobilevit():
    config = transformers.MobileViTConfig(
        image_size=64, hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 16, 24, 32, 40, 48, 80]
    )
    return Image(transformers.MobileViTForImageClassification(config), "logits")


@seeded()
def yolos():
    config = transformers.YolosConfig(**SMALL, image_size=[64, 64], num_detection_tokens=10)
    return Image(transformers.YolosForObjectDetection(config), "logits", "pred_boxes")


@seeded((1, 3, 64, 64))
def detr():
    backbone = transformers.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 1, 1], out_features=["stage4"]
    )
    config = transformers.DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone,
        d_model=48, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=96, decoder_ffn_dim=96, num_queries=10,
    )  # fmt: skip
    return Image(transformers.DetrForObjectDetection(config), "logits", "pred_boxes")


@seeded()
def clip():
    config = transformers.CLIPConfig(
        text_config={**TEXT, **SPECIAL}, vision_config={**IMAGES, "image_size": 64}, projection_dim=32
    )
    return ImageAndText(transformers.CLIPModel(config), "logits_per_image", "text_embeds", "image_embeds")


def _whisper():
    return transformers.WhisperModel(
        transformers.WhisperConfig(
            vocab_size=200, num_mel_bins=40, d_model=48, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=96, decoder_ffn_dim=96, max_source_positions=50,
            max_target_positions=32, **SPECIAL, decoder_start_token_id=1,
        )
    )  # fmt: skip


@seeded()
def whisper_encoder():
    return Spectrogram(_whisper().encoder, "last_hidden_state")


@seeded()
def whisper_decoder_step():
    return DecoderStep(_whisper().decoder, "last_hidden_state", use_cache=False)


@seeded()
def wav2vec2():
    config = transformers.Wav2Vec2Config(
        **SMALL, vocab_size=32, conv_dim=(32, 32, 32), conv_stride=(5, 4, 4), conv_kernel=(10, 8, 4),
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, num_feat_extract_layers=3,
    )  # fmt: skip
    return Waveform(transformers.Wav2Vec2ForCTC(config), "logits")


def _t5():
    return transformers.T5Model(
        transformers.T5Config(vocab_size=200, d_model=48, d_kv=12, d_ff=96, num_layers=2, num_heads=4)
    )


@seeded()
def t5_encoder():
    return Text(_t5().encoder, "last_hidden_state")


@seeded()
def t5_decoder():
    return DecoderStep(_t5().decoder, "last_hidden_state", use_cache=False)


@seeded()
def gpt2():
    config = transformers.GPT2Config(vocab_size=200, n_positions=64, n_embd=48, n_layer=2, n_head=4)
    return Text(transformers.GPT2LMHeadModel(config), "logits", use_cache=False)


@seeded()
def llama():
    return Text(transformers.LlamaForCausalLM(transformers.LlamaConfig(**CAUSAL)), "logits")


@seeded()
def gemma():
    config = transformers.Gemma2Config(**CAUSAL, sliding_window=8)
    return Text(transformers.Gemma2ForCausalLM(config), "logits")


@seeded()
def qwen3():
    return Text(transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**CAUSAL)), "logits")


@seeded()
def mamba():
    config = transformers.MambaConfig(vocab_size=200, hidden_size=48, state_size=8, num_hidden_layers=2)
    return Tokens(transformers.MambaForCausalLM(config), "logits", use_cache=False)
